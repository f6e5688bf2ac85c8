"""Samples that keep the image after every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from selfscope.data.dataset import folder_dataset
from selfscope.data.picture import read_picture
from selfscope.data.pipeline import build_transforms, run

from .sources_of_pictures import PHOTO

LOAD = {"type": "LoadImageFromFile"}
CROP = {"type": "RandomResizedCrop", "size": 24}
FLIP = {"type": "RandomFlip", "prob": 0.5}
GREY = {"type": "RandomGrayscale", "prob": 0.5}
VIEW = [CROP, {"type": "RandomApply", "transforms": [GREY, FLIP], "prob": 0.5}, FLIP]


class Darker:
    """As OpenMMLab's transforms are called."""

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        return {**results, "img": results["img"] // 2}


def replayed(pipeline: list[Any], upto: int, seed: int) -> np.ndarray:
    """The image after the first `upto` transforms, made by running only these."""
    results = {"img_path": str(PHOTO), "sample_idx": 0}
    return run(build_transforms(pipeline[:upto]), results, np.random.default_rng([seed, 0, 0]))[0]["img"]


def test_every_step_holds_what_the_pipeline_had_made_by_then() -> None:
    pipeline = [LOAD, CROP, FLIP, Darker(), GREY]
    for seed in range(4):
        steps = folder_dataset(PHOTO, pipeline, seed=seed).with_pictures().sample(0).views[0].steps
        assert [step.name for step in steps] == ["RandomResizedCrop", "RandomFlip", "Darker", "RandomGrayscale"]
        for upto, step in enumerate(steps, 2):
            np.testing.assert_array_equal(step.picture, replayed(pipeline, upto, seed))


def test_keeping_pictures_changes_nothing_else() -> None:
    plain = folder_dataset(PHOTO, [LOAD, {"type": "MultiView", "transforms": [VIEW], "num_views": 3}])
    for epoch in range(3):
        one, other = plain.sample(0, epoch), plain.with_pictures().sample(0, epoch)
        for view, pictured in zip(one.views, other.views, strict=True):
            assert view.steps == pictured.steps
            assert all(step.picture is None for step in view.steps)
            np.testing.assert_array_equal(view.picture, pictured.picture)
            np.testing.assert_array_equal(pictured.steps[-1].picture, view.picture)


def test_a_step_that_only_decides_has_a_picture_only_when_it_declines() -> None:
    dataset = folder_dataset(PHOTO, [LOAD, *VIEW]).with_pictures()
    seen = set()
    for epoch in range(20):
        for step in dataset.sample(0, epoch).views[0].steps:
            if step.name == "RandomApply":
                seen.add((step.params["applied"], step.picture is None))
    assert seen == {(True, True), (False, False)}


def test_masks_and_pairs_are_kept_too() -> None:
    pair = {"type": "RandomResizedCropAndInterpolationWithTwoPic", "size": 28, "second_size": 14}
    mask = {"type": "BEiTMaskGenerator", "input_size": 4, "num_masking_patches": 6, "min_num_patches": 1}
    sample = folder_dataset(PHOTO, [LOAD, pair, mask]).with_pictures().sample(0)
    first, second = sample.views
    assert [step.name for step in first.steps] == ["RandomResizedCropAndInterpolationWithTwoPic", "BEiTMaskGenerator"]
    for view in (first, second):
        for step in view.steps:
            np.testing.assert_array_equal(step.picture, view.picture)


class Loads:
    """A loader of the user's own."""

    def __call__(self, results: Mapping[str, Any]) -> dict[str, Any]:
        return {"img": read_picture(results["img_path"])}


def test_a_loader_of_the_users_own_keeps_them_as_well() -> None:
    steps = folder_dataset(PHOTO, [Loads(), FLIP]).with_pictures().sample(0).views[0].steps
    assert all(step.picture is not None for step in steps[-1:])
