"""Text: fonts, measures, breaking and shortening."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.draw import glyphs
from selfscope.draw.glyphs import coverage, resolve, text_width
from selfscope.draw.text import caption_below, label, measure, shorten, size_for, wrap
from selfscope.errors import UsageError

PICTURE = np.full((60, 90, 3), 120, np.uint8)


def test_ascii_is_drawn_as_it_is_by_the_bundled_font() -> None:
    every = "".join(map(chr, range(32, 127)))
    assert resolve(every) == (every, None)
    assert resolve("60 % · 90° …") == ("60 % · 90° …", None)


def test_without_a_system_font_nothing_is_an_empty_box(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glyphs, "system_fonts", lambda: ())
    resolve.cache_clear()
    try:
        assert resolve("Größe é ≥ −1 → Ž") == ("Grosse e >= -1 -> Z", None)
        assert resolve("中\U0001f600") == ("\\u4e2d\\U0001f600", None)
    finally:
        resolve.cache_clear()


def test_control_characters_are_spelt_out() -> None:
    assert resolve("a\tb\x00c")[0] == "a b\\x00c"


def test_masks_of_one_size_have_one_height_and_the_width_that_was_measured() -> None:
    for text in ("", "a", "Ägyq|", "W" * 40):
        mask = coverage(text, 17)
        assert mask.shape[0] == glyphs.line_height(17)
        assert 0 <= mask.shape[1] - text_width(text, 17) <= 2.5
    assert measure("one\nlonger", 17) == (int(np.ceil(text_width("longer", 17))), 2 * glyphs.line_height(17))


def test_descenders_and_accents_are_inside_the_mask() -> None:
    for size in (11, 13, 26, 60):
        mask = coverage("gÅ|", size) if glyphs.system_fonts() else coverage("gA|", size)
        assert mask[0].max() < 40
        assert mask[-1].max() < 40


@pytest.mark.parametrize("keep", ["start", "end", "both"])
@pytest.mark.parametrize("width", [0, 5, 40, 100, 1000])
def test_a_shortened_text_fits_and_is_as_long_as_fits(width: int, keep: str) -> None:
    text = "n01440764_tench/ILSVRC2012_val_00000293.JPEG"
    short = shorten(text, 13, width, keep=keep)
    if width >= 1000:
        assert short == text
        return
    assert short.count("…") == 1
    assert text_width(short, 13) <= width or short == "…"
    kept = short.replace("…", "")
    start, end = short.split("…")
    assert text.startswith(start)
    assert text.endswith(end)
    assert len(kept) < len(text)


def test_shorten_refuses_an_unknown_end() -> None:
    with pytest.raises(UsageError, match="'start', 'end' or 'both'"):
        shorten("a long text", 13, 20, keep="middle")


@pytest.mark.parametrize("width", [30, 60, 200])
def test_wrapped_lines_fit_and_hold_every_letter(width: int) -> None:
    text = "uses the original's patch statistics averyveryverylongwordwithoutspaces end"
    lines = wrap(text, 13, width)
    assert all(text_width(line, 13) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_wrapping_keeps_line_feeds_and_stops_with_dots() -> None:
    assert wrap("one\n\ntwo", 13, 500) == ["one", "", "two"]
    lines = wrap("word " * 50, 13, 100, max_lines=2)
    assert len(lines) == 2
    assert lines[1].endswith("…")
    assert text_width(lines[1], 13) <= 100


@pytest.mark.parametrize("width", [1, 0, -5])
def test_wrapping_into_nothing_ends(width: int) -> None:
    assert "".join(wrap("ab cd", 13, width)).replace(" ", "") == "abcd"


def test_a_caption_stands_below_the_picture() -> None:
    drawn = caption_below(PICTURE, "a zebra, and quite a few more words than fit")
    np.testing.assert_array_equal(drawn[:60], PICTURE)
    assert drawn.shape[1] == 90
    assert (drawn[60:] < 128).any()


def test_a_label_stays_inside_and_touches_only_its_box() -> None:
    drawn = label(PICTURE, "far", (500, 500), size=12)
    width, height = measure("far", 12)
    changed = (drawn != PICTURE).any(axis=2)
    assert changed.any()
    assert not changed[: 60 - height].any()
    assert not changed[:, : 90 - width - 6].any()


def test_a_label_wider_than_the_picture_begins_at_its_edge() -> None:
    assert label(PICTURE, "x" * 200, (10, 10)).shape == PICTURE.shape
    assert label(np.zeros((1, 1, 3), np.uint8), "a").shape == (1, 1, 3)


def test_text_grows_with_pictures_within_limits() -> None:
    sizes = [size_for(height) for height in (1, 16, 224, 512, 1024, 5000)]
    assert sizes == sorted(sizes)
    assert sizes[2] == 13
    assert sizes[0] >= 13
    assert sizes[-1] <= 26
