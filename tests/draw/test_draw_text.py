"""Text: fonts, measures, breaking and shortening."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import features

from selfscope.draw import glyphs, missing, systemfonts
from selfscope.draw.glyphs import Piece, coverage, resolve, text_width
from selfscope.draw.map_inks import inks
from selfscope.draw.text import caption_below, label, measure, shorten, size_for, wrap
from selfscope.errors import UsageError
from selfscope.records import Embedding

PICTURE = np.full((60, 90, 3), 120, np.uint8)


def test_ascii_is_drawn_as_it_is_by_the_bundled_font() -> None:
    every = "".join(map(chr, range(32, 127)))
    assert resolve(every) == (Piece(every),)
    assert resolve("60 % · 90° …") == (Piece("60 % · 90° …"),)


@pytest.fixture
def without_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with no font but the one that travels with Pillow."""
    forget()
    monkeypatch.setattr(glyphs, "faces", lambda: ())
    monkeypatch.setattr(missing, "_told", set())
    yield
    monkeypatch.undo()
    forget()


def forget() -> None:
    for cached in (resolve, glyphs._face_of, text_width, coverage, systemfonts.faces):
        cached.cache_clear()


def drawn(text: str) -> str:
    return "".join(piece.text for piece in resolve(text))


@pytest.mark.usefixtures("without_fonts")
def test_without_a_system_font_nothing_is_an_empty_box(caplog: pytest.LogCaptureFixture) -> None:
    assert resolve("Größe é ≥ −1 → Ž") == (Piece("Grosse e >= -1 -> Z"),)
    assert not caplog.messages
    assert drawn("中文\U0001f600 a") == "U+4E2D U+6587 U+1F600 a"
    assert drawn("ねこ") == "neko"
    assert drawn("고양이") == "goyangi"
    assert not glyphs.is_drawable("中")
    assert coverage("中", 17).any()


@pytest.mark.usefixtures("without_fonts")
def test_one_line_names_the_package_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("shutil.which", lambda name: name if name == "apt-get" else None)
    for text in ("猫 a", "犬 b", "قطة", "😀", "ж"):
        resolve(text)
    assert [line.rpartition(": ")[2] for line in caplog.messages] == [
        f"apt-get install {name}"
        for name in ("fonts-noto-cjk", "fonts-noto-core", "fonts-symbola", "fonts-dejavu-core")
    ]
    assert caplog.messages[0].startswith("no font of this machine has '猫', so pictures spell it out")
    monkeypatch.setattr("sys.platform", "darwin")
    assert missing.sentence("CJK", "猫").endswith("brew install --cask font-noto-sans-cjk")
    assert missing.sentence("THAI", "แ").endswith("brew install --cask font-noto-sans-thai")


@pytest.mark.parametrize(
    ("script", "letters"),
    [
        ("ARABIC", "\u0663\u06f3"),  # digits as in Arabic and as in Persian
        ("DEVANAGARI", "\u0969"),
        ("MALAYALAM", "\u0d73"),  # a fraction
        ("CJK", "\u3007\uff13"),
        ("SIGN", "\u00bd\u00b2\u2460\u2777\u2192"),
    ],
)
def test_digits_of_a_script_are_in_its_fonts_and_other_numbers_are_signs(script: str, letters: str) -> None:
    assert missing._by_script(letters) == {script: letters}


@pytest.mark.usefixtures("without_fonts")
def test_a_key_numbers_the_classes_whose_names_cannot_be_drawn() -> None:
    emb = Embedding("a", np.zeros((2, 2), np.float32), labels=np.array([0, 1]), class_names=("cat", "犬"))
    assert [entry.name for entry in inks(emb, "label").entries] == ["cat", "class 1: 犬"]


def test_a_font_that_lies_anywhere_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One with a letter that no other has, in a folder of the user's own."""
    make_font(tmp_path / "data" / "fonts" / "deep" / "Own Thing-Regular.otf.ttf", "\U0001f9ff猫")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(systemfonts, "_fontconfig_folders", lambda home: [str(tmp_path / "data" / "fonts")])
    monkeypatch.setattr(systemfonts, "_travelling", list)
    forget()
    try:
        first, word, last = resolve("cat \U0001f9ff猫 x")
        assert (first, last) == (Piece("cat "), Piece(" x"))
        assert word.text == "\U0001f9ff猫"
        assert word.face is not None
        assert word.face.file.endswith("Own Thing-Regular.otf.ttf")
        assert drawn("犬") == "U+72AC"
        wide = text_width("cat ", 20) + text_width("猫", 20) + text_width(" x", 20)
        assert text_width("cat 猫 x", 20) == pytest.approx(wide)
    finally:
        monkeypatch.undo()
        forget()


def make_font(path: Path, letters: str) -> None:
    """A font whose letters are all one square."""
    builder = pytest.importorskip("fontTools.fontBuilder").FontBuilder(1000, isTTF=True)
    pen = pytest.importorskip("fontTools.pens.ttGlyphPen").TTGlyphPen(None)
    pen.moveTo((100, 0))
    for point in ((100, 700), (800, 700), (800, 0)):
        pen.lineTo(point)
    pen.closePath()
    square = pen.glyph()
    names = [".notdef", *(f"u{ord(c):x}" for c in letters)]
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(c): name for c, name in zip(letters, names[1:], strict=True)})
    builder.setupGlyf(dict.fromkeys(names, square))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (900, 100)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Own", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    path.parent.mkdir(parents=True)
    builder.save(path)


def test_characters_of_fonts_are_those_that_another_reader_finds() -> None:
    ttlib = pytest.importorskip("fontTools.ttLib")
    for face in systemfonts.faces()[:4]:
        with ttlib.TTFont(face.file, fontNumber=face.index, lazy=True) as font:
            theirs = {code for code, name in font.getBestCmap().items() if font.getGlyphID(name)}
        has = systemfonts.characters(face)
        assert {code for code in range(0x30000) if code in has} == {code for code in theirs if code < 0x30000}


def outlines_and(*tables: tuple[bytes, bytes]) -> bytes:
    """The start of a font that claims to have outlines, and what else is given by name."""
    start, entries, bodies = 12 + 16 * (1 + len(tables)), b"", b""
    for name, body in ((b"glyf", b""), *tables):
        entries += struct.pack(">4s4xII", name, start + len(bodies), len(body))
        bodies += body
    return struct.pack(">IH6x", 0x10000, 1 + len(tables)) + entries + bodies


SYMBOLS = struct.pack(">HHHHI7H4H2x", 0, 1, 3, 0, 12, 4, 24, 0, 2, 0, 0, 0, 65, 65, 0, 0)
TRIMMED = struct.pack(">HHHHI6H", 0, 1, 3, 1, 12, 6, 12, 0, 65, 1, 1)
DAMAGED = {
    "empty": b"",
    "tag alone": b"ttcf",
    "cut short": b"\0\1\0\0\0\xff",
    "text": b"not a font, but some text of forty letters",
    "no cmap": outlines_and(),
    "symbols": outlines_and((b"cmap", SYMBOLS)),
    "format 6": outlines_and((b"cmap", TRIMMED)),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_font_has_no_characters(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.ttf").write_bytes(data)
    assert 65 not in systemfonts.characters(systemfonts.Face(str(tmp_path / "a.ttf")))


@pytest.mark.parametrize("suffix", ["ttf", "ttc"])
def test_a_font_that_reads_but_does_not_open_is_passed_over(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_font(tmp_path / "whole" / "whole.ttf", "猫")
    data = bytearray((tmp_path / "whole" / "whole.ttf").read_bytes())
    head = data.index(b"head") + 8
    (offset,) = struct.unpack_from(">I", data, head)
    data[offset : offset + 54] = bytes(54)
    (tmp_path / f"zeroed.{suffix}").write_bytes(data)
    damaged = systemfonts.Face(str(tmp_path / f"zeroed.{suffix}"))
    whole = systemfonts.Face(str(tmp_path / "whole" / "whole.ttf"))
    assert ord("猫") in systemfonts.characters(damaged)
    assert systemfonts.faces_beside(damaged) == ()
    assert systemfonts.faces_beside(whole) == (("Own", whole),)
    forget()
    monkeypatch.setattr(glyphs, "faces", lambda: (damaged, whole))
    try:
        assert resolve("猫") == (Piece("猫", whole),)
        assert coverage("猫", 17).any()
    finally:
        monkeypatch.undo()
        forget()


@pytest.mark.parametrize(
    ("platform", "folders"),
    [
        ("linux", ["/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts"]),
        ("darwin", ["/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"]),
        ("win32", ["D:\\Win/Fonts", "~/Microsoft/Windows/Fonts"]),
    ],
)
def test_every_systems_folders_are_looked_into(
    platform: str, folders: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_DATA_HOME", "XDG_DATA_DIRS", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WINDIR", "D:\\Win")
    monkeypatch.setattr("sys.platform", platform)
    assert {os.path.expanduser(folder) for folder in folders} <= set(systemfonts._folders())


def test_letters_that_join_are_shaped() -> None:
    """Of Arabic, where Pillow can: letters that are joined are narrower than each by itself."""
    piece = resolve("قطة")[0]
    if piece.face is None or not features.check("raqm"):
        pytest.skip("no font for Arabic here, or a Pillow without raqm")
    assert text_width("قطة", 100) < 0.9 * sum(text_width(c, 100) for c in "قطة")


PERSIAN = "می\u200cخواهم"


@pytest.mark.parametrize("raqm", [True, False])
def test_joiners_are_for_fonts_that_shape_and_are_never_spelt_out(
    raqm: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_font(tmp_path / "a" / "a.ttf", "میخواهل👩💻 ")
    make_font(tmp_path / "b" / "b.ttf", "猫क")
    first, second = (systemfonts.Face(str(tmp_path / name / f"{name}.ttf")) for name in "ab")
    forget()
    monkeypatch.setattr(glyphs, "faces", lambda: (first, second))
    monkeypatch.setattr(features, "check", lambda name: raqm)
    kept = PERSIAN if raqm else PERSIAN.replace("\u200c", "")
    try:
        assert resolve(PERSIAN) == (Piece(kept, first),)
        assert resolve(f"{PERSIAN}猫") == (Piece(kept, first), Piece("猫", second))
        assert resolve("👩\u200d💻") == (Piece("👩💻", first),)
        assert resolve("👩\u200d💻 क\u200d") == (
            Piece("👩💻", first),
            Piece(" "),
            Piece("क\u200d" if raqm else "क", second),
        )
        assert resolve("a\u200db") == (Piece("ab"),)
        assert all(map(glyphs.is_drawable, (PERSIAN, f"{PERSIAN}猫", "👩\u200d💻", "a\u200cb", "\u200d")))
    finally:
        monkeypatch.undo()
        forget()


@pytest.mark.usefixtures("without_fonts")
def test_letters_that_are_spelt_out_lose_their_joiners() -> None:
    assert drawn("क\u200da \u200dé\u200c") == "U+0915a e"
    assert not glyphs.is_drawable("क\u200d")


@pytest.mark.usefixtures("without_fonts")
def test_every_space_is_drawn_as_a_space() -> None:
    assert drawn("a\u00a0b\u3000c") == "a b c"
    assert glyphs.is_drawable("a\u00a0b\u3000c")


@pytest.mark.skipif(not features.check("raqm"), reason="a Pillow without raqm")
def test_letters_that_are_parted_do_not_join() -> None:
    if resolve(PERSIAN)[0].face is None:
        pytest.skip("no font for Arabic here")
    joined, parted = (coverage(text, 40) for text in (PERSIAN.replace("\u200c", ""), PERSIAN))
    assert not np.array_equal(joined, parted)
    assert text_width(PERSIAN, 40) < text_width(PERSIAN.replace("\u200c", " "), 40)


def test_control_characters_are_spelt_out() -> None:
    assert drawn("a\tb\x00c") == "a b\\x00c"


def test_masks_of_one_size_have_one_height_and_the_width_that_was_measured() -> None:
    for text in ("", "a", "Ägyq|", "W" * 40):
        mask = coverage(text, 17)
        assert mask.shape[0] == glyphs.line_height(17)
        assert 0 <= mask.shape[1] - text_width(text, 17) <= 2.5
    assert measure("one\nlonger", 17) == (int(np.ceil(text_width("longer", 17))), 2 * glyphs.line_height(17))


def test_descenders_and_accents_are_inside_the_mask() -> None:
    for size in (11, 13, 26, 60):
        mask = coverage("gÅ|", size) if glyphs.is_drawable("Å") else coverage("gA|", size)
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
