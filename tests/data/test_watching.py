"""Crops that are traced through somebody else's code, against the pixels that they say are shown."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from torchvision import transforms as v1
from torchvision.transforms import v2

from selfscope.data.watching import Watch, watching
from selfscope.sampled import words
from tests.conftest import smooth_picture

PICTURE = smooth_picture(5, 90, 120)


def followed(transform: Any, picture: np.ndarray = PICTURE, seed: int = 0) -> tuple[Any, Any]:
    """What the transform gave, and the history of it."""
    watch, image = Watch(), Image.fromarray(picture)
    watch.begin(image)
    torch.manual_seed(seed)
    with watching(watch):
        made = transform(image)
    return made, watch.of(made)


def expected(history: Any, size: tuple[int, int]) -> np.ndarray:
    """The crop that the history tells of, cut from the original and resized."""
    trace = history.trace
    x, y, w, h = trace.crop(*size)
    box = (x, y, x + w, y + h)
    pixels = np.asarray(Image.fromarray(PICTURE).resize(size, Image.Resampling.BILINEAR, box=box))
    pixels = pixels[:, ::-1] if trace.flip in ("horizontal", "diagonal") else pixels
    return pixels[::-1] if trace.flip in ("vertical", "diagonal") else pixels


CROPS: dict[str, list[Any]] = {
    "resized crop": [v1.RandomResizedCrop(32, scale=(0.1, 0.6))],
    "resized crop, v2": [v2.RandomResizedCrop(32, scale=(0.1, 0.6))],
    "crop": [v1.RandomCrop(40)],
    "crop, v2": [v2.RandomCrop(40)],
    "centre": [v1.CenterCrop(31)],
    "centre, v2": [v2.CenterCrop((31, 40))],
    "resized, cropped": [v1.Resize(64), v1.RandomCrop(48)],
    "flips": [v1.RandomResizedCrop(32), v1.RandomHorizontalFlip(1.0), v1.RandomVerticalFlip(1.0)],
    "flips, v2": [v2.RandomHorizontalFlip(), v2.RandomResizedCrop(32), v2.RandomVerticalFlip(0.5)],
    "crop of a crop": [v1.RandomResizedCrop(80), v1.RandomCrop(30), v1.Resize((25, 35))],
    "applied": [v1.RandomApply([v1.CenterCrop(60)], p=1.0), v1.RandomChoice([v1.RandomCrop(20), v1.RandomCrop(30)])],
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", CROPS)
def test_views_show_what_their_crop_says(name: str, seed: int) -> None:
    made, history = followed(v1.Compose(CROPS[name]), seed=seed)
    np.testing.assert_allclose(np.asarray(made).astype(int), expected(history, made.size), atol=6)


@pytest.mark.parametrize("compose", [v1.Compose, v2.Compose])
def test_whoever_follows_changes_nothing(compose: Any) -> None:
    """The same views with and without the watch, and the generator where it would have been."""
    steps = [v2.RandomResizedCrop(32), v2.ColorJitter(0.4, 0.4, 0.4, 0.1), v2.RandomHorizontalFlip(), v2.RandomCrop(20)]
    transform, image = compose([*steps, v2.GaussianBlur(5), v2.ToImage()]), Image.fromarray(PICTURE)
    torch.manual_seed(3)
    alone, after = transform(image), torch.get_rng_state()
    made, _ = followed(transform, seed=3)
    assert torch.equal(made, alone)
    assert torch.equal(torch.get_rng_state(), after)
    original = v1.Compose.__call__
    with pytest.raises(TypeError), watching(Watch()):
        v1.Compose([v1.CenterCrop(3)])(None)
    assert v1.Compose.__call__ is original
    assert not torch.nn.modules.module._global_forward_hooks


def test_padding_is_outside_the_original() -> None:
    for version in (v1, v2):
        made, history = followed(version.Compose([version.Pad((10, 20)), version.CenterCrop((130, 140))]))
        assert made.size == (140, 130)
        assert history.trace.crop(140, 130) == (0, 0, 120, 90)
        made, history = followed(version.RandomCrop(100, padding=(4, 6, 8, 10), pad_if_needed=True), seed=1)
        shown = history.trace.crop(100, 100)
        assert shown[3] <= 90
        x, y = (round(v) for v in shown[:2])
        inside = np.asarray(made)[np.asarray(made).any(axis=2)]
        assert (PICTURE[y : y + 30, x : x + 30].reshape(-1, 3)[:1] == inside[0]).all()


def test_what_was_drawn_is_told() -> None:
    jitter = v1.ColorJitter((0.5, 0.5), (2, 2), (0.3, 0.3), (0.2, 0.2))
    _, history = followed(v1.Compose([jitter, v1.GaussianBlur(5, (1.5, 1.5)), v1.RandomSolarize(100, 1.0)]))
    told = {step.name: dict(step.params) for step in history.trace.steps}
    assert told["ColorJitter"] == pytest.approx({"brightness": 0.5, "contrast": 2, "saturation": 0.3, "hue": 0.2})
    assert told["GaussianBlur"] == {"sigma": 1.5}
    assert told["RandomSolarize"] == {"applied": True, "threshold": 100}


@pytest.mark.parametrize("version", [v1, v2])
def test_what_was_applied_says_so(version: Any) -> None:
    steps = [version.RandomHorizontalFlip(1.0), version.RandomVerticalFlip(1.0), version.RandomGrayscale(1.0)]
    _, history = followed(version.Compose(steps))
    assert [words(step) for step in history.trace.steps] == ["flipped, horizontal", "flipped, vertical", "grey"]
    _, untouched = followed(version.Compose([version.RandomHorizontalFlip(0.0), version.RandomGrayscale(0.0)]))
    assert not untouched.trace.steps


def test_the_normalisation_of_each_view_is_known() -> None:
    for version in (v1, v2):
        steps = [version.ToTensor() if version is v1 else version.ToImage(), version.ConvertImageDtype(torch.float32)]
        made, history = followed(version.Compose([*steps, version.Normalize([0.1, 0.2, 0.3], [1, 2, 4])]))
        assert history.normalisation.mean == (0.1, 0.2, 0.3)
        assert history.normalisation.std == (1, 2, 4)
        assert history.trace.crop(120, 90) == (0, 0, 120, 90)
        assert made.shape == (3, 90, 120)


@pytest.mark.parametrize(
    "transform",
    [
        v1.RandomRotation((30, 30)),
        v1.RandomAffine(0, translate=(0.3, 0.3)),
        v2.RandomPerspective(0.5, p=1.0),
        v1.FiveCrop(20),
    ],
)
def test_other_moves_end_the_history(transform: Any) -> None:
    _, history = followed(transform)
    assert history is None or not history.trace.known


class Blur:
    """As in many repositories: no torchvision class, and it draws from Python's generator."""

    def __call__(self, image: Image.Image) -> Image.Image:
        return image.filter(ImageFilter.GaussianBlur(random.uniform(0.1, 1.0)))


def after_a_crop(step: Callable[[Image.Image], Image.Image]) -> Any:
    return followed(v1.Compose([v1.RandomResizedCrop(48, scale=(0.2, 0.5)), step]))[1].trace


def test_an_unknown_step_that_keeps_pixels_in_place_keeps_the_crop() -> None:
    assert after_a_crop(Blur()).known
    assert [step.name for step in after_a_crop(Blur()).steps] == ["RandomResizedCrop", "Blur"]
    assert after_a_crop(lambda image: image.point(lambda v: 255 - v)).known
    applied = v1.Compose([v1.RandomResizedCrop(48), v1.RandomApply([Blur()], p=1.0), v1.ToTensor()])
    assert followed(applied)[1].trace.known


@pytest.mark.parametrize("turn", [Image.Transpose.ROTATE_90, Image.Transpose.FLIP_LEFT_RIGHT])
def test_an_unknown_step_that_moves_pixels_loses_the_crop(turn: Image.Transpose) -> None:
    assert not after_a_crop(lambda image: image.transpose(turn)).known
    assert not after_a_crop(lambda image: image.crop((0, 0, 20, 20))).known


def test_several_views_have_a_history_each() -> None:
    view = v1.Compose([v1.RandomResizedCrop(16), v1.RandomHorizontalFlip()])
    watch, image = Watch(), Image.fromarray(PICTURE)
    watch.begin(image)
    with watching(watch):
        views = [view(image) for _ in range(4)]
    crops = {watch.of(made).trace.crop(16, 16) for made in views}
    assert len(crops) == 4
    assert all(watch.of(made).trace.steps[0].name == "RandomResizedCrop" for made in views)


def test_pairs_go_through_together() -> None:
    """Version 2 takes an image with its label or mask."""
    watch, image = Watch(), Image.fromarray(PICTURE)
    watch.begin(image)
    with watching(watch):
        made, label = v2.Compose([v2.RandomResizedCrop(16), v2.RandomHorizontalFlip(1.0)])(image, 3)
    assert label == 3
    assert watch.of(made).trace.flip == "horizontal"


def test_images_of_unknown_origin_are_not_followed() -> None:
    watch = Watch()
    watch.begin(Image.fromarray(PICTURE))
    other = Image.fromarray(PICTURE)
    with watching(watch):
        made = v1.CenterCrop(20)(other)
    assert watch.of(made) is None


def test_a_transform_inside_a_data_set_that_is_itself_watched_does_not_wait_for_itself() -> None:
    outer, inner, image = Watch(), Watch(), Image.fromarray(PICTURE)
    ended = threading.Event()

    def nested() -> None:
        outer.begin(image)
        inner.begin(image)
        with watching(outer), watching(inner):
            v1.Compose([v1.CenterCrop(30)])(image)
        ended.set()

    threading.Thread(target=nested, daemon=True).start()
    assert ended.wait(10)
    assert inner.histories.keys() == outer.histories.keys()
    assert v1.Compose.__call__.__qualname__ == "Compose.__call__"
