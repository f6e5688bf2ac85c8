"""Pictures of what transforms give, each with the rule that it was made by."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import tv_tensors

from selfscope.data.bands import Bands
from selfscope.data.picturing import Normalisation, is_image, leaves, shown, sorted_item
from selfscope.errors import DataError
from tests.conftest import smooth_picture

PICTURE = smooth_picture(2, 20, 30)
CHW = np.ascontiguousarray(PICTURE.transpose(2, 0, 1))
IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def as_it_is() -> dict[str, Any]:
    return {
        "Pillow": Image.fromarray(PICTURE),
        "array": PICTURE,
        "array, channels first": CHW,
        "bytes": torch.from_numpy(CHW),
        "tv_tensor": tv_tensors.Image(torch.from_numpy(CHW)),
        "0..1": torch.from_numpy(CHW) / 255,
        "half": (torch.from_numpy(CHW) / 255).half(),
        "bfloat16": (torch.from_numpy(CHW) / 255).bfloat16(),
        "0..1, array": PICTURE / 255,
        "0..255, float": PICTURE.astype(np.float32),
        "16 bits": PICTURE.astype(np.uint16) * 257,
        "with a gradient": (torch.from_numpy(CHW) / 255).requires_grad_(),
    }


@pytest.mark.parametrize("name", as_it_is())
def test_the_same_picture_in_every_form(name: str) -> None:
    made = shown(as_it_is()[name])
    np.testing.assert_allclose(made.picture.astype(int), PICTURE, atol=1 if name != "bfloat16" else 2)
    assert made.beyond == 0


def test_a_known_normalisation_is_undone_exactly() -> None:
    mean, std = (torch.tensor(part).view(3, 1, 1) for part in (IMAGENET.mean, IMAGENET.std))
    made = shown((torch.from_numpy(CHW) / 255 - mean) / std, IMAGENET)
    np.testing.assert_array_equal(made.picture, PICTURE)
    assert made.rule == "normalisation undone (mean 0.485, 0.456, 0.406; std 0.229, 0.224, 0.225)"
    assert made.beyond == 0


def test_values_of_0_to_255_that_were_normalised_as_0_to_1_are_counted() -> None:
    mean, std = (torch.tensor(part).view(3, 1, 1) for part in (IMAGENET.mean, IMAGENET.std))
    made = shown((torch.from_numpy(CHW).float() - mean) / std, IMAGENET)
    assert made.beyond == pytest.approx(np.mean(PICTURE > 1.02))


@pytest.mark.parametrize(("low", "high"), [(-2.1, 2.6), (0.0, 2.6), (-0.5, 0.5), (-1, 255), (0, 300)])
def test_a_normalised_image_is_never_taken_for_bytes(low: float, high: float) -> None:
    made = shown(torch.linspace(low, high, 75).reshape(3, 5, 5))
    assert (made.picture.min(), made.picture.max()) == (0, 255)
    assert "stretched" in made.rule


def test_unknown_ranges_are_stretched_and_said() -> None:
    made = shown(torch.linspace(-2, 2, 75).reshape(3, 5, 5))
    assert (made.picture.min(), made.picture.max()) == (0, 255)
    assert made.rule == "no Normalize is known: -2..2 stretched to black..white"


def test_not_a_number_is_black_and_counted() -> None:
    values = torch.full((3, 4, 4), 0.5)
    values[0, 0, 0] = float("nan")
    values[1, 0, 0] = float("inf")
    made = shown(values)
    assert made.beyond == pytest.approx(2 / 48)
    assert made.picture[0, 0].tolist() == [0, 0, 128]
    assert shown(torch.full((3, 2, 2), float("nan"))).beyond == 1


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_four_channels(channels: int) -> None:
    values = np.random.default_rng(0).integers(0, 256, (6, 7, channels), dtype=np.uint8)
    made = shown(torch.from_numpy(values.transpose(2, 0, 1).copy()))
    np.testing.assert_array_equal(made.picture, values.repeat(3, 2) if channels == 1 else values[..., :3])
    assert made.rule == ("" if channels == 1 else "the first 3 of 4 channels")


def test_more_channels_need_bands() -> None:
    values = torch.rand(12, 8, 9)
    with pytest.raises(DataError, match=r"12 channels: choose .* by bands \(--bands\)"):
        shown(values)
    made = shown(values, bands=Bands((4, 3, 2), (0, 1)))
    expected = np.rint(values.numpy()[[3, 2, 1]].transpose(1, 2, 0) * 255)
    np.testing.assert_array_equal(made.picture, expected)
    assert made.rule == "bands 4, 3, 2 as red, green, blue, 0..1"


@pytest.mark.parametrize(
    ("value", "views", "label"),
    [
        (Image.fromarray(PICTURE), 1, None),
        ((PICTURE, 3), 1, 3),
        ((PICTURE, torch.tensor(4), "name.jpg"), 1, 4),
        ([PICTURE, PICTURE], 2, None),
        (([PICTURE] * 2 + [PICTURE[:9]] * 6, np.int64(1)), 8, 1),
        (torch.zeros(5, 3, 8, 8), 5, None),
        ({"image": PICTURE, "label": 7}, 1, 7),
        ({"pixel_values": torch.zeros(3, 4, 4), "id": 12, "labels": 2}, 1, 2),
        ({"global": [PICTURE, PICTURE], "local": (PICTURE,)}, 3, None),
        ((PICTURE, None, True), 1, None),
    ],
)
def test_items_of_all_shapes_are_sorted(value: Any, views: int, label: int | None) -> None:
    item = sorted_item(value)
    assert (len(item.images), item.label) == (views, label)
    assert item.mask is None


@pytest.mark.parametrize(
    "value",
    [
        (PICTURE, np.eye(4, dtype=bool)),
        (torch.zeros(3, 20, 30), torch.eye(4).flatten().bool()),
        {"image": PICTURE, "mask": np.eye(4)},
        {"bool_masked_pos": torch.eye(4), "pixel_values": torch.zeros(3, 20, 30)},
        ([PICTURE, PICTURE], [np.eye(4, dtype=np.int64), np.zeros((4, 4), np.int64)]),
    ],
)
def test_masks_are_told_from_images(value: Any) -> None:
    item = sorted_item(value)
    np.testing.assert_array_equal(item.mask, np.eye(4))
    assert item.mask.dtype == np.uint8


def test_names_of_views_come_from_dicts() -> None:
    assert sorted_item({"student": PICTURE, "teacher": PICTURE}).names == ["student", "teacher"]


@pytest.mark.parametrize("value", [3, "photo.jpg", [], {}, None, np.zeros(4), np.zeros((0, 4)), (1, "a")])
def test_what_holds_no_image_is_refused(value: Any) -> None:
    with pytest.raises(DataError, match="expected an image"):
        sorted_item(value)
    assert not is_image(value)
    assert list(leaves(value)) == []
