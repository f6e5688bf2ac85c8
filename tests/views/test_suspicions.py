"""Every warning, raised by a pipeline that is broken in its way and silent where the same pipeline is whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from selfscope.data.dataset import folder_dataset
from selfscope.data.trace import moved, trace_of
from selfscope.views.statistics import augmentation_stats
from tests.conftest import smooth_picture

Results = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    for i in range(6):
        Image.fromarray(smooth_picture(i)).save(root / f"{i}.png")
    return root


def crop(scale: tuple[float, float] = (0.2, 1.0), size: int = 32) -> dict[str, Any]:
    return {"type": "RandomResizedCrop", "size": size, "scale": scale}


def two(*pipelines: list[dict[str, Any]], views: Any = 2) -> dict[str, Any]:
    return {"type": "MultiView", "num_views": views, "transforms": list(pipelines)}


def repainted(change: Any) -> Any:
    """A transform that changes pixels where they are."""

    class Repaint:
        def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
            return moved(results, change(results["img"], rng), trace_of(results))

    return Repaint()


class Mask:
    """Removes the first `removed` of 16 patches, or as many at random."""

    def __init__(self, removed: int, mask_ratio: float = 0.5, *, fixed: bool = False) -> None:
        self.removed, self.mask_ratio, self.fixed = removed, mask_ratio, fixed

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        order = np.arange(16) if self.fixed else rng.permutation(16)
        return {**results, "mask": (order < self.removed).astype(np.uint8).reshape(4, 4)}


class FirstViewTwice:
    """What happens when one result is put in the list twice."""

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        return {**results, "img": [results["img"][0]] * 2, "trace": [results["trace"][0]] * 2}


class Unseeded:
    """Draws from a generator that nobody seeds."""

    own = np.random.default_rng(1)

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        noise = self.own.integers(0, 60, results["img"].shape, dtype=np.uint8)
        return moved(results, results["img"] // 2 + noise, trace_of(results))


CASES = {
    "nothing changes between draws": ([{"type": "Resize", "scale": (32, 32)}], [crop()]),
    "views are identical": ([two([crop()]), FirstViewTwice()], [two([crop()])]),
    "all 12 masks are equal": ([crop(), Mask(8, fixed=True)], [crop(), Mask(8)]),
    "masks remove 31% of the patches on average, though 50%": ([crop(), Mask(5)], [crop(), Mask(8)]),
    "0 and 1 look exchanged": ([crop(), Mask(4, 0.75)], [crop(), Mask(12, 0.75)]),
    "masks remove nothing": ([crop(), Mask(0)], [crop(), Mask(8)]),
    "masks remove everything": ([crop(), Mask(16)], [crop(), Mask(8)]),
    "crops are nearly disjoint": ([two([crop((0.001, 0.02))])], [two([crop()], [crop((0.05, 0.14), 8)], views=[2, 6])]),
    "red and blue look exchanged": ([crop(), repainted(lambda p, _: p[..., ::-1])], [crop()]),
    "of one flat colour": ([crop(), repainted(lambda p, _: p * np.uint8(0))], [crop()]),
    "the same seed gave different views": ([crop(), Unseeded()], [crop()]),
}  # fmt: skip


@pytest.mark.parametrize("words", CASES)
def test_a_broken_pipeline_is_told(words: str, folder: Path) -> None:
    broken, whole = (augmentation_stats(folder_dataset(folder, pipeline), n=12).warnings for pipeline in CASES[words])
    assert sum(words in warning for warning in broken) == 1, broken
    assert whole == ()


def test_a_seed_of_ones_own_for_every_image_is_told(folder: Path) -> None:
    """`np.random.seed(0)` inside a transform: the classic reason why nothing changes."""

    def noisy(pixels: np.ndarray, _: Any) -> np.ndarray:
        return pixels // 2 + np.random.default_rng(0).integers(0, 60, pixels.shape, dtype=np.uint8)

    (warning,) = augmentation_stats(folder_dataset(folder, [repainted(noisy)]), n=12).warnings
    assert "nothing changes" in warning
    assert "seeded again for each image" in warning


def test_strong_but_sound_colours_are_no_swap(folder: Path) -> None:
    jitter = {"type": "ColorJitter", "brightness": 0.8, "contrast": 0.8, "saturation": 0.8, "hue": 0.5}
    grey = {"type": "RandomGrayscale", "prob": 0.5}
    stats = augmentation_stats(folder_dataset(folder, [crop(), jitter, grey]), n=40)
    assert stats.warnings == ()


def test_evaluation_may_be_the_same_every_time(tmp_path: Path, folder: Path) -> None:
    resize = "[dict(type='LoadImageFromFile'), dict(type='Resize', scale=(32, 32))]"
    loader = f"dict(dataset=dict(type='CustomDataset', data_root={str(folder)!r}, with_label=False, pipeline={resize}))"
    (tmp_path / "c.py").write_text(f"train_dataloader = {loader}\nval_dataloader = {loader}\n")
    assert augmentation_stats(tmp_path / "c.py", n=4, phase="val").warnings == ()
    assert len(augmentation_stats(tmp_path / "c.py", n=4).warnings) == 1


def test_warnings_stand_on_the_figure(folder: Path) -> None:
    stats = augmentation_stats(folder_dataset(folder, CASES["views are identical"][0]), n=12)
    amber = (stats.plot() == (255, 243, 214)).all(axis=2)
    assert amber.any()
    healthy = augmentation_stats(folder_dataset(folder, CASES["views are identical"][1]), n=12).plot()
    assert not (healthy == (255, 243, 214)).all(axis=2).any()
