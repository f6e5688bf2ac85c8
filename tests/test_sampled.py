"""Columns and words of what transforms drew."""

from __future__ import annotations

import pytest

from selfscope.draw.glyphs import has_glyph
from selfscope.records import Step
from selfscope.sampled import changes, columns, words

JITTER = Step("ColorJitter", {"brightness": 1.213, "hue": -0.0431, "order": ("hue", "brightness")})
BLOCKS = Step("BEiTMaskGenerator", {"patches": 196, "removed": 75, "blocks": ((4, 5), (3, 6))})
SAID = [
    (Step("RandomResizedCrop", {"x": 12, "y": 40, "w": 203, "h": 158}), "203 x 158 px at 12, 40"),
    (Step("ResizeEdge", {"w": 341, "h": 256}), "to 341 x 256 px"),
    (Step("RandomFlip", {"direction": None}), "not flipped"),
    (Step("RandomFlip", {"direction": "horizontal"}), "flipped, horizontal"),
    (JITTER, "hue -16°, brightness 1.21"),
    (Step("RandomGrayscale", {"applied": True}), "grey"),
    (Step("RandomGrayscale", {"applied": False}), "not applied"),
    (Step("RandomGaussianBlur", {"applied": True, "sigma": 1.257}), "sigma 1.26 px"),
    (Step("RandomGaussianBlur", {"applied": False}), "not applied"),
    (Step("RandomSolarize", {"applied": True}), "bright values inverted"),
    (Step("RandomRotation", {"degrees": -1.52}), "-1.5° clockwise"),
    (Step("RandomApply", {"applied": False}), "left out"),
    (Step("RandomChoice", {"chosen": 0}), "number 1"),
    (BLOCKS, "75 of 196 patches in 2 overlapping blocks: 4x5, 3x6"),
    (Step("SimMIMMaskGenerator", {"patches": 2304, "removed": 1408, "blocks": ((8, 8),) * 22}),
     "1408 of 2304 patches in 22 blocks of 8x8"),
    (Step("RandomPatchMask", {"patches": 196, "removed": 147, "blocks": ()}), "147 of 196 patches"),
    (Step("BEiTMaskGenerator", {"patches": 9, "removed": 4, "blocks": ((2, 2),)}),
     "4 of 9 patches in a block of 2x2"),
    (Step("GaussianBlur", {"sigma": 1.2571}), "sigma 1.26 px"),
    (Step("RandomHorizontalFlip", {"direction": "horizontal"}), "flipped, horizontal"),
    (Step("shown", {"rule": "bytes as they are", "beyond": 0.0}), "bytes as they are"),
    (Step("shown", {"rule": "", "beyond": 0.031}), "3.1 % beyond black and white"),
    (Step("MyOwn", {"strength": 0.12345, "sides": (1, 2)}), "strength 0.123, sides 1 2"),
    (Step("MyOwn"), ""),
]  # fmt: skip


@pytest.mark.parametrize(("step", "expected"), SAID)
def test_words(step: Step, expected: str) -> None:
    assert words(step) == expected
    assert all(has_glyph(letter) for letter in expected)


def test_many_blocks_are_counted() -> None:
    blocks = tuple((2, side) for side in range(1, 12))
    said = words(Step("BEiTMaskGenerator", {"patches": 196, "removed": 75, "blocks": blocks}))
    assert said.endswith("in 11 overlapping blocks: 2x1 to 2x11")


def test_columns_have_short_names_and_are_unique() -> None:
    flip, blur = Step("RandomFlip", {"direction": None}), Step("RandomGaussianBlur", {"applied": True, "sigma": 2.0})
    assert columns([JITTER, flip, blur, blur, Step("MyOwn", {"strength": 1}), BLOCKS]) == {
        "brightness": 1.213,
        "hue": -0.0431,
        "jitter_order": ("hue", "brightness"),
        "RandomFlip.direction": None,
        "blur": True,
        "blur_sigma": 2.0,
        "blur#2": True,
        "blur_sigma#2": 2.0,
        "MyOwn.strength": 1,
        "mask_patches": 196,
        "mask_removed": 75,
        "mask_blocks": ((4, 5), (3, 6)),
    }


def test_changes_name_only_what_was_done() -> None:
    steps = [step for step, _ in SAID]
    assert changes(steps) == [
        "brightness 1.21, hue -16°",
        "grey",
        "blur 1.26 px",
        "solarised",
        "turned -1.5°",
        "blur 1.26 px",
    ]


def test_changes_of_other_libraries_are_known_by_what_they_do() -> None:
    """Their steps are on record only where they were applied."""
    steps = [Step("RandomGrayscale"), Step("ToGray"), Step("Solarize", {"threshold": 128}), Step("MotionBlur")]
    assert changes(steps) == ["grey", "grey", "solarised", "blurred"]
