"""Looking leaves no trace in training, shows the same things every time, and what it shows reads back."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from selfscope.data.dataset import folder_dataset
from selfscope.draw.picture import resize
from selfscope.errors import RecordError, UsageError
from selfscope.records import Embedding, Picture, Sample, Scalars
from selfscope.store.reader import open_run
from selfscope.training.hooks.aside import untouched
from selfscope.training.hooks.calls import Hooks
from selfscope.training.hooks.selfsup import SelfSupVisualizationHook
from selfscope.training.hooks.visualization import VisualizationHook
from selfscope.views.reconstruct import reconstruct
from selfscope.visualization.selfsup import SelfSupVisualizer
from tests.models.test_masked_interface import SIDES, fitted
from tests.training.hooks.loops import Scalars as Remembering
from tests.training.hooks.loops import make_runner, run

CROP = [
    {"type": "LoadImageFromFile"},
    {"type": "RandomResizedCrop", "size": 64, "backend": "pillow"},
    {"type": "RandomFlip", "prob": 0.5},
    {"type": "PackSelfSupInputs"},
]
FEW = dict(samples=2, map_items=10)


class Loader:
    """Items of a data set, in batches of one size."""

    def __init__(self, dataset: Any, length: int = 2) -> None:
        self.dataset, self._length = dataset, length

    def __len__(self) -> int:
        return self._length


@pytest.fixture
def loader(photos: Callable[..., Path]) -> Loader:
    return Loader(folder_dataset(photos(classes=3, each=4), CROP))


def train(hooks: list[Any], loader: Loader, name: str = "mae", **state: Any) -> tuple[list[float], SimpleNamespace]:
    """Four steps; drop-out, and everything random, from the global generators."""
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - global generators are what this is about
    random.seed(0)
    model, _ = fitted("masked", name, SIDES[name])
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    runner = make_runner(len(loader), 2, model=model, optimizer=optimizer, train_dataloader=loader, **state)
    values = []

    def step(_: int) -> dict[str, torch.Tensor]:
        pixels = torch.randn(2, 3, SIDES[name], SIDES[name]) + random.random()
        mask = model.random_mask(2, np.random.default_rng(np.random.randint(1000)))  # noqa: NPY002
        loss = model.loss(torch.nn.functional.dropout(pixels, 0.1), mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
        return {"loss": loss.detach()}

    run(Hooks(hooks), runner, step)
    return values, runner


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mae", "simmim", "maskfeat"])
def test_losses_are_bit_equal_with_and_without_looking(name: str, loader: Loader) -> None:
    without, _ = train([], loader, name)
    hook = SelfSupVisualizationHook(interval=1, by_epoch=False, **FEW)
    with_hook, runner = train([hook], loader, name)
    assert with_hook == without
    assert len({record.step for record in runner.visualizer.records}) == 5
    assert all(module.training for module in runner.model.modules())


def test_stepping_aside_restores_modes_gradients_buffers_and_generators() -> None:
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(3), torch.nn.Dropout(), torch.nn.Linear(3, 1))
    model[1].eval()
    model(torch.randn(4, 3)).sum().backward()
    gradient, mean = model[2].weight.grad.clone(), model[0].running_mean.clone()

    def drawn() -> tuple[float, float, float]:
        return random.random(), np.random.rand(), torch.rand(1).item()  # noqa: NPY002

    random.seed(3), np.random.seed(3), torch.manual_seed(3)  # noqa: NPY002
    expected = drawn()
    random.seed(3), np.random.seed(3), torch.manual_seed(3)  # noqa: NPY002

    def disturb() -> None:
        with untouched(model):
            assert not any(module.training for module in model.modules())
            drawn()
            assert not model(torch.randn(4, 3)).requires_grad
            model.train()
            model(torch.randn(4, 3))
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        disturb()
    assert drawn() == expected
    assert [module.training for module in model.modules()] == [True, True, False, True]
    assert torch.equal(model[2].weight.grad, gradient)
    assert torch.equal(model[0].running_mean, mean)
    assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"interval": 1}, [0, 2, 4]),
        ({"interval": 2}, [0, 4]),
        ({"interval": 3, "by_epoch": False}, [0, 3]),
    ],
)
def test_when_it_looks(options: dict[str, Any], steps: list[int], loader: Loader) -> None:
    hook = VisualizationHook(samples=1, **options)
    _, runner = train([hook], loader)
    assert [record.step for record in runner.visualizer.records] == steps


def test_the_same_items_each_time_drawn_anew_each_epoch(loader: Loader) -> None:
    _, runner = train([VisualizationHook(samples=3)], loader)
    records: list[Sample] = runner.visualizer.records
    keys = [[record.key for record in records if record.step == step] for step in (0, 2, 4)]
    assert keys[0] == keys[1] == keys[2]
    assert len(set(keys[0])) == 3
    first, second = records[0], records[6]
    whole = loader.dataset.sample([loader.dataset.key(i) for i in range(12)].index(first.key), epoch=1)
    assert np.array_equal(second.views[0].picture, whole.views[0].picture)
    assert not np.array_equal(first.views[0].picture, second.views[0].picture)
    assert [record.original is not None for record in records] == [True] * 3 + [False] * 6


def test_reconstructions_keep_image_and_mask_and_stand_beside_the_first(loader: Loader) -> None:
    hook = SelfSupVisualizationHook(samples=2, views=False, map_items=0)
    _, runner = train([hook], loader)
    sheets = [record for record in runner.visualizer.records if isinstance(record, Picture)]
    numbers = [record for record in runner.visualizer.records if isinstance(record, Scalars)]
    assert [sheet.step for sheet in sheets] == [0, 2, 4]
    assert [list(record.values) for record in numbers] == [["train/skill"]] * 3
    narrow, wide = sheets[0].pixels, sheets[1].pixels
    assert wide.shape[1] > narrow.shape[1] * 1.2
    edge = narrow.shape[1] // 2  # original and masked stand on the left, at the same place and with the same pixels
    assert np.array_equal(sheets[1].pixels[60:150, 20:edge], sheets[2].pixels[60:150, 20:edge])


@pytest.mark.slow
def test_a_model_that_predicts_no_pixels_stands_beside_what_it_should_have_predicted(
    loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[Any] = []

    def sheet(given: Any, painted: Any, **words: Any) -> np.ndarray:
        rows.append(given[0])
        return np.zeros((4, 4, 3), np.uint8)

    monkeypatch.setattr("selfscope.training.hooks.selfsup.comparison_picture", sheet)
    hook = SelfSupVisualizationHook(samples=1, views=False, map_items=0)
    _, runner = train([hook], loader, "maskfeat")
    photo = hook.chosen(runner, 1).sample(0, epoch=0).views[0].picture
    with untouched(runner.model):
        aim = reconstruct(hook.loaded(runner), photo, target=True).pictures["original"]
    (shown, said), (masked, _), (target, target_said) = rows[0]
    assert (said, target_said) == ("original", "its target")
    assert shown.shape == target.shape == masked.shape
    assert np.array_equal(target, aim)
    assert np.array_equal(shown, resize(photo, aim.shape[:2]))


def test_a_resumed_run_compares_with_the_very_first_pictures(loader: Loader, tmp_path: Path) -> None:
    hook = SelfSupVisualizationHook(samples=2, views=False, map_items=0)
    _, runner = train([hook], loader)
    checkpoint: dict[str, Any] = {"state_dict": {}}
    hook.before_save_checkpoint(runner, checkpoint)
    torch.save(checkpoint, tmp_path / "c.pth")
    again = SelfSupVisualizationHook(samples=2, views=False, map_items=0)
    again.after_load_checkpoint(runner, torch.load(tmp_path / "c.pth", weights_only=True))
    pictures: list[np.ndarray] = []
    for one in (hook, again):
        with untouched(runner.model):
            (sheet, _) = one.look(runner, 4)
        pictures.append(sheet.pixels)
    assert np.array_equal(*pictures)
    fresh = SelfSupVisualizationHook(samples=2, views=False, map_items=0)
    fresh.after_load_checkpoint(runner, {"state_dict": {}})
    with untouched(runner.model):
        assert next(iter(fresh.look(runner, 4))).pixels.shape != pictures[0].shape


@pytest.mark.slow
def test_the_map_says_its_trust_and_watches_for_collapse(loader: Loader) -> None:
    hook = SelfSupVisualizationHook(samples=0, map_items=12)
    _, runner = train([hook], loader)
    maps = [record for record in runner.visualizer.records if isinstance(record, Embedding)]
    assert [(one.key, one.step, len(one.coords)) for one in maps] == [("train/map", step, 12) for step in (0, 2, 4)]
    assert maps[0].paths == maps[2].paths
    assert maps[1].settings["model"].endswith("step 2")
    assert 0 <= maps[0].quality["trustworthiness"] <= 1
    health, _, trust = runner.visualizer.records[:3]
    assert set(health.values) == {"train/feature_std", "train/knn_accuracy"}
    assert set(trust.values) == {"train/map_trustworthiness", "train/map_knn_recall"}
    assert 0 < health.values["train/feature_std"] < 1


def test_collapsed_features_are_told_and_training_goes_on(loader: Loader, caplog: pytest.LogCaptureFixture) -> None:
    class Collapse:
        priority = "HIGHEST"

        def after_train_epoch(self, runner: Any) -> None:
            for weight in runner.model.backbone.parameters():
                weight.data.zero_()

    class Broken(SelfSupVisualizationHook):
        def look(self, runner: Any, step: int) -> Iterator[Any]:
            yield from super().look(runner, step)
            if step:
                raise RecordError("features: 12 rows are not finite")

    values, runner = train([Collapse(), Broken(samples=0, map_items=12)], loader)
    spread = [
        record.values for record in runner.visualizer.records if "train/feature_std" in getattr(record, "values", {})
    ]
    assert [dict(values) for values in spread[1:]] == [{"train/feature_std": 0.0}] * 2
    assert len(values) == 4
    assert "Broken at step 4: features: 12 rows are not finite; training goes on" in caplog.text


def test_any_folder_can_be_looked_at(photos: Callable[..., Path], loader: Loader) -> None:
    other = photos(classes=1, each=2, name="held out")
    hook = VisualizationHook(samples=5, data=other, key="held out")
    _, runner = train([hook], Loader([1, 2, 3]))
    assert {Path(record.path).parents[1].name for record in runner.visualizer.records} == {"held out"}
    assert len(runner.visualizer.records) == 2 * 3
    with pytest.raises(UsageError, match="no data set of selfscope; say what to look at with data="):
        train([VisualizationHook()], Loader([1, 2, 3]))


def test_a_plain_module_is_looked_at_as_well(loader: Loader) -> None:
    model = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten(), torch.nn.Linear(48, 8))
    hook = SelfSupVisualizationHook(samples=1, map_items=12)
    runner = make_runner(2, 1, model=model, train_dataloader=loader, cfg=None)
    with untouched(model):
        kinds = [record.kind for record in hook.look(runner, 0)]
    assert kinds == ["sample", "scalars", "embedding", "scalars"]


def test_only_rank_zero_looks(loader: Loader) -> None:
    _, runner = train([VisualizationHook()], loader, rank=1)
    assert runner.visualizer.records == []


@pytest.mark.parametrize("options", [{"interval": 0}, {"samples": -1}, {"seed": 0.5}, {"map_items": 3}])
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        SelfSupVisualizationHook(**options)


def test_a_look_of_ones_own(loader: Loader) -> None:
    class Norms(VisualizationHook):
        def look(self, runner: Any, step: int) -> Iterator[Scalars]:
            yield Scalars({"norm": sum(float(p.norm()) for p in runner.model.parameters())}, step)

    _, runner = train([Norms()], loader)
    assert [(record.step, list(record.values)) for record in runner.visualizer.records] == [
        (0, ["norm"]),
        (2, ["norm"]),
        (4, ["norm"]),
    ]


@pytest.mark.slow
def test_the_run_reads_back(loader: Loader, tmp_path: Path) -> None:
    with SelfSupVisualizer(vis_backends=[{"type": "LocalVisBackend"}], save_dir=str(tmp_path)) as visualizer:
        train([SelfSupVisualizationHook(samples=2, map_items=12)], loader, visualizer=visualizer)
    found = open_run(tmp_path)
    assert [entry.step for entry in found.pictures] == [0, 2, 4]
    assert sorted(sample.step for sample in found.samples.values()) == [0, 0, 2, 2, 4, 4]
    assert len(found.embeddings) == 3
    assert found.scalars("train/skill").step.tolist() == [0, 2, 4]


def test_the_stand_in_visualizer_is_used_by_default() -> None:
    assert isinstance(make_runner().visualizer, Remembering)
