from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from selfscope.config.reader import load_config
from selfscope.data.branching import DINOMultiCrop, MultiView, RandomApply, RandomChoice
from selfscope.data.crops import RandomResizedCrop
from selfscope.data.trace import Trace
from selfscope.errors import ConfigError

NOISE = np.random.default_rng(10).integers(0, 256, (40, 50, 3), dtype=np.uint8)
CROP = {"type": "RandomResizedCrop", "size": 16}
SMALL = {"type": "RandomResizedCrop", "size": 8}
JITTER = {"type": "ColorJitter", "brightness": 0.5}


def results() -> dict[str, Any]:
    return {"img": NOISE, "trace": Trace(50, 40)}


def test_every_view_has_its_own_pipeline_and_name(rng: np.random.Generator) -> None:
    after = MultiView(transforms=[[CROP], [SMALL]], num_views=[2, 6])(results(), rng)
    assert [view.shape[0] for view in after["img"]] == [16, 16, *[8] * 6]
    assert after["view_names"] == [f"view {i}" for i in range(1, 9)]
    crops = [trace.crop(*view.shape[1::-1]) for trace, view in zip(after["trace"], after["img"], strict=True)]
    assert len(set(crops)) == 8


def test_views_do_not_change_each_others_draws() -> None:
    plain = MultiView(transforms=[[CROP]], num_views=2)(results(), np.random.default_rng(3))
    more = MultiView(transforms=[[JITTER, CROP], [CROP]], num_views=[1, 1])(results(), np.random.default_rng(3))
    assert plain["trace"][1] == more["trace"][1]
    assert plain["trace"][0].steps[0] != more["trace"][0].steps[1]  # the jitter drew before this one


def test_a_view_is_seeded_by_its_number(rng: np.random.Generator) -> None:
    children = np.random.default_rng(4).spawn(3)
    views = MultiView(transforms=[[CROP]], num_views=3)(results(), np.random.default_rng(4))
    crop = RandomResizedCrop(size=16)
    for view, child in zip(views["img"], children, strict=True):
        np.testing.assert_array_equal(view, crop(results(), child)["img"])


def test_random_apply_is_all_or_nothing(rng: np.random.Generator) -> None:
    both = RandomApply(transforms=[CROP, JITTER], prob=0.4)
    names = [tuple(step.name for step in both(results(), rng)["trace"].steps) for _ in range(500)]
    assert set(names) == {("RandomApply",), ("RandomApply", "RandomResizedCrop", "ColorJitter")}
    assert names.count(("RandomApply",)) / 500 == pytest.approx(0.6, abs=0.08)


def test_random_choice_follows_its_probabilities(rng: np.random.Generator) -> None:
    choice = RandomChoice(transforms=[[CROP], [JITTER]], prob=[0.2, 0.8])
    chosen = [choice(results(), rng)["trace"].steps[0].params["chosen"] for _ in range(500)]
    assert np.mean(chosen) == pytest.approx(0.8, abs=0.08)


def test_views_of_views_are_refused(rng: np.random.Generator) -> None:
    twice = MultiView(transforms=[[CROP]], num_views=2)
    with pytest.raises(ConfigError, match="several views"):
        twice(twice(results(), rng), rng)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MultiView(transforms=[[CROP]], num_views=[1, 1]), "for 1 pipelines"),
        (lambda: MultiView(transforms=[[CROP]], num_views=0), "one number each"),
        (lambda: RandomApply(transforms=[CROP], prob=-1), "between 0 and 1"),
        (lambda: RandomChoice(transforms=[[CROP], [JITTER]], prob=[0.5]), "2 probabilities"),
    ],
)
def test_what_cannot_be_is_refused_when_built(make: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()


def test_dinos_views_are_those_of_its_shipped_config() -> None:
    shipped = load_config("configs/selfsup/_base_/datasets/imagenet_dino_mcrop-2-8.py").train_pipeline[1]
    expected = MultiView(shipped["transforms"], shipped["num_views"])(results(), np.random.default_rng(5))
    made = DINOMultiCrop((0.4, 1.0), (0.05, 0.4), 8)(results(), np.random.default_rng(5))
    assert made["trace"] == expected["trace"]
    for mine, its in zip(made["img"], expected["img"], strict=True):
        np.testing.assert_array_equal(mine, its)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_dino_has_any_number_of_small_views(count: int, rng: np.random.Generator) -> None:
    made = DINOMultiCrop(local_crops_number=count)(results(), rng)
    assert [view.shape for view in made["img"]] == [(224, 224, 3)] * 2 + [(96, 96, 3)] * count


@pytest.mark.parametrize("count", [-1, 2.5, "8"])
def test_dino_refuses_what_is_no_number_of_views(count: Any) -> None:
    with pytest.raises(ConfigError, match="local_crops_number"):
        DINOMultiCrop(local_crops_number=count)
