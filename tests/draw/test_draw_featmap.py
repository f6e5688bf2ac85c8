"""Feature maps as pictures."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.draw.colour import colormap
from selfscope.draw.featmap import draw_featmap
from selfscope.errors import UsageError

RNG = np.random.default_rng(0)
MAPS = RNG.normal(size=(6, 14, 10)).astype(np.float32)
PHOTO = RNG.integers(0, 256, (28, 20, 3), dtype=np.uint8)


def test_reductions_at_their_own_size() -> None:
    np.testing.assert_array_equal(draw_featmap(MAPS), colormap(MAPS.mean(axis=0)))
    loudest = MAPS.sum(axis=(1, 2)).argmax()
    np.testing.assert_array_equal(draw_featmap(MAPS, channel_reduction="select_max"), colormap(MAPS[loudest]))


def test_over_a_picture_the_map_takes_its_size() -> None:
    np.testing.assert_array_equal(draw_featmap(MAPS, PHOTO, alpha=0.0), PHOTO)
    alone = draw_featmap(MAPS, resize_shape=(28, 20))
    np.testing.assert_array_equal(draw_featmap(MAPS, PHOTO, alpha=1.0), alone)
    half = draw_featmap(MAPS, PHOTO, alpha=0.5)
    assert np.abs(half - (alone * 0.5 + PHOTO * 0.5)).max() <= 1
    assert draw_featmap(MAPS, PHOTO, resize_shape=(56, 40)).shape == (56, 40, 3)


def test_enlarging_is_linear_between_pixel_centres() -> None:
    ramp = np.tile(np.arange(4, dtype=np.float32), (4, 1))[None]
    enlarged = draw_featmap(ramp, resize_shape=(16, 16))
    expected = np.clip((np.arange(16) + 0.5) / 4 - 0.5, 0, 3)
    assert np.abs(enlarged.astype(int) - colormap(np.tile(expected, (16, 1)))).max() <= 3


def test_channels_by_their_sums() -> None:
    order = np.argsort(-MAPS.sum(axis=(1, 2)), kind="stable")
    drawn = draw_featmap(MAPS, channel_reduction=None, topk=3, arrangement=(2, 2))
    assert drawn.shape == (14 * 2 + 4, 10 * 2 + 4, 3)
    np.testing.assert_array_equal(drawn[:14, :10], colormap(MAPS[order[0]]))
    np.testing.assert_array_equal(drawn[:14, 14:], colormap(MAPS[order[1]]))
    np.testing.assert_array_equal(drawn[18:, :10], colormap(MAPS[order[2]]))
    assert (drawn[18:, 14:] == 255).all()
    assert draw_featmap(MAPS, channel_reduction=None, topk=20).shape == (14 * 2 + 4, 10 * 5 + 16, 3)


def test_one_channel_and_three_as_they_are() -> None:
    np.testing.assert_array_equal(draw_featmap(MAPS[:1], channel_reduction=None, topk=0), colormap(MAPS[0]))
    three = draw_featmap(MAPS[:3], channel_reduction=None, topk=-1).astype(float)
    scaled = (MAPS[:3] - MAPS[:3].min()) / np.ptp(MAPS[:3]) * 255
    assert np.abs(three - scaled.transpose(1, 2, 0)).max() <= 0.51


@pytest.mark.parametrize("value", [0.0, -3.0])
def test_constant_maps(value: float) -> None:
    assert len(np.unique(draw_featmap(np.full((4, 3, 3), value)).reshape(-1, 3), axis=0)) == 1
    draw_featmap(np.full((3, 3, 3), value), channel_reduction=None, topk=0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"channel_reduction": "mean"}, "squeeze_mean"),
        ({"channel_reduction": None, "topk": 0}, "6 channels are not one picture"),
        ({"channel_reduction": None, "topk": 5, "arrangement": (2, 2)}, "no room for topk = 5"),
        ({"overlaid_image": PHOTO, "alpha": 2.0}, "alpha"),
    ],
)
def test_what_cannot_be_shown_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        draw_featmap(MAPS, **options)  # type: ignore[arg-type]


def test_a_map_of_other_dimensions_is_refused() -> None:
    with pytest.raises(UsageError, match=r"\(C, h, w\)"):
        draw_featmap(MAPS[0])
