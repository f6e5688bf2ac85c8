"""SVG and PDF: what is on the page, read back without the code that wrote it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
import zlib
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from selfscope.draw import glyphs
from selfscope.draw.colour import SHAPES
from selfscope.draw.fontfile import letters
from selfscope.draw.glyphs import text_width
from selfscope.draw.outlines import corners, discs
from selfscope.draw.pdf import PAGE_WIDTH, pdf
from selfscope.draw.scatter import demo_embedding, embedding_scene, map_file
from selfscope.draw.scene import Marks, Photo, Scene, raster
from selfscope.draw.splat import Look
from selfscope.draw.stamps import inside
from selfscope.draw.svg import FONTS, svg
from selfscope.draw.systemfonts import faces
from selfscope.errors import UsageError

NAMESPACE = "{http://www.w3.org/2000/svg}"


def scene() -> Scene:
    drawn = Scene(60, 120)
    drawn.text(10, 5, "a < b & “c” – 東", 12, (10, 20, 30))
    drawn.text(100, 40, "R", 10, anchor="rm")
    drawn.box((5, 30, 25, 40), (200, 0, 0))
    drawn.box((5, 30, 25, 40), (0, 200, 0), 1)
    points, colours = np.array([(50.0, 40.0), (70.5, 45.25)]), np.array([(0, 0, 255), (9, 9, 9)], np.uint8)
    drawn.items.append(Marks(points, colours, np.array([0, 3]), Look(6, 0.5, 1.0), (40, 30, 80, 60)))
    drawn.items.append(Photo((90, 45, 100, 55), np.full((20, 20, 3), 77, np.uint8)))
    return drawn


def pdf_objects(data: bytes) -> list[bytes]:
    """Objects in order, found by the table of places at the end of the file."""
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF", data).group(1))  # type: ignore[union-attr]
    rows = re.findall(rb"(\d{10}) 00000 n ", data[start:])
    found = []
    for number, row in enumerate(rows, 1):
        head, body = data[int(row) :].split(b" 0 obj\n", 1)
        assert int(head) == number
        found.append(body.split(b"\nendobj", 1)[0])
    return found


def unpacked(body: bytes) -> bytes:
    head, rest = body.split(b"stream\n", 1)
    length = int(re.search(rb"/Length (\d+)", head).group(1))  # type: ignore[union-attr]
    assert rest[length:] == b"\nendstream"
    return zlib.decompress(rest[:length])


def pdf_text(data: bytes) -> list[str]:
    """Lines as a viewer copies them: by the font's table of characters."""
    table = re.findall(rb"<([0-9a-f]{4})> <([0-9a-f]{4,8})>\n", unpacked(pdf_objects(data)[8]))
    names = {int(code, 16): bytes.fromhex(c.decode()).decode("utf-16-be") for code, c in table}
    shown = re.findall(rb"<([0-9a-f]+)> Tj", unpacked(pdf_objects(data)[3]))
    return ["".join(names[int(codes[i : i + 4], 16)] for i in range(0, len(codes), 4)) for codes in shown]


@pytest.mark.parametrize("kind", SHAPES)
def test_outlines_cover_what_the_stamps_cover(kind: str) -> None:
    from PIL import ImageDraw

    radius, side = 60, 240
    drawn = Image.new("1", (side, side))
    pen = ImageDraw.Draw(drawn)
    middle = side / 2
    for i, share in enumerate(discs(kind)):
        reach = share * radius
        pen.ellipse((middle - reach, middle - reach, middle + reach, middle + reach), fill=1 - i)
    if not discs(kind):
        pen.polygon([(middle + x * radius, middle + y * radius) for x, y in corners(kind)], fill=1)
    y, x = np.mgrid[0:side, 0:side] + 0.5 - middle
    expected = np.broadcast_to(inside(kind, x, y, radius), (side, side))
    assert (np.asarray(drawn) != expected).mean() < 0.01  # a pixel along the edge


def test_letters_are_as_wide_as_those_that_are_drawn() -> None:
    for character, glyph in letters().glyphs.items():
        assert letters().widths[glyph] == pytest.approx(text_width(character, 1000), abs=1)


def test_svg_holds_text_shapes_and_pictures() -> None:
    root = ElementTree.fromstring(svg(scene()))
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("120", "60", "0 0 120 60")
    texts = root.findall(f"{NAMESPACE}text")
    assert [text.text for text in texts] == ["a < b & “c” – 東", "R"]
    assert texts[1].get("text-anchor") == "end"
    (circle,) = root.iter(f"{NAMESPACE}circle")
    assert [circle.get(name) for name in ("cx", "cy", "r", "fill")] == ["50", "40", "3", "#0000ff"]
    (diamond,) = (path for path in root.iter(f"{NAMESPACE}path") if path.get("transform"))
    assert diamond.get("transform") == "translate(70.5 45.25)"
    (image,) = root.iter(f"{NAMESPACE}image")
    picture = Image.open(BytesIO(b64decode(str(image.get("href")).split(",")[1])))
    assert (np.asarray(picture) == 77).all()


def test_pdf_holds_text_shapes_and_pictures() -> None:
    data = pdf(scene())
    # the first line has letters that the font lacks: a picture, with text that is not seen but can be found
    assert pdf_text(data) == ["a < b & “c” – 東", "R"]
    assert unpacked(pdf_objects(data)[3]).count(b" 3 Tr ") == 1
    objects = pdf_objects(data)
    content = unpacked(objects[3]).decode()
    assert f"/MediaBox [0 0 504 {60 * PAGE_WIDTH / 120:g}]" in objects[2].decode()
    assert "q 1 0 0 1 50 20 cm" in content
    assert content.count(" re f") == content.count(" re S") == 1
    assert "/ca 0.5" in objects[2].decode()
    assert set(unpacked(objects[-1])) == {77}
    assert unpacked(objects[7])[:4] == b"\x00\x01\x00\x00"


def test_what_runs_from_right_to_left_is_copied_as_it_is_read() -> None:
    """Viewers turn it round: in the file it stands as on the line."""
    drawn = Scene(60, 220)
    drawn.text(10, 5, "猫 قطة 12", 12)
    assert pdf_text(pdf(drawn)) == ["猫 " + "قطة"[::-1] + " 12"]


def test_the_same_scene_gives_the_same_bytes() -> None:
    assert pdf(scene()) == pdf(scene())
    assert svg(scene()) == svg(scene())


@pytest.mark.parametrize("suffix", [".svg", ".pdf"])
def test_a_map_is_text_and_points(suffix: str) -> None:
    emb = demo_embedding(24, 150)
    data = map_file(emb, suffix, width=600)
    lines = (
        pdf_text(data)
        if suffix == ".pdf"
        else [text.text for text in ElementTree.fromstring(data).iter(f"{NAMESPACE}text")]
    )
    assert "class 23" in lines
    assert any("trustworthiness 0.98" in str(line) for line in lines)
    if suffix == ".svg":
        assert data.count(b"<circle") + data.count(b"translate(") == 150 + 24
    else:
        assert unpacked(pdf_objects(data)[3]).count(b" f* Q") == 150 + 24


@pytest.mark.parametrize("suffix", [".svg", ".pdf"])
def test_many_points_are_one_picture_and_words_stay_words(suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("selfscope.draw.svg.VECTOR_POINTS", 100)
    monkeypatch.setattr("selfscope.draw.pdf.VECTOR_POINTS", 100)
    data = map_file(demo_embedding(3, 150), suffix, width=400)
    if suffix == ".svg":
        assert data.count(b"<circle") == 3
        assert data.count(b"<image") == 1
    else:
        assert unpacked(pdf_objects(data)[3]).count(b" Do Q") == 1
        assert "class 2" in pdf_text(data)


def test_pixels_of_a_scene_are_those_of_its_items() -> None:
    picture = raster(scene())
    assert picture.shape == (60, 120, 3)
    assert (picture[35, 15] == (200, 0, 0)).all()
    assert (picture[30, 15] == (0, 200, 0)).all()
    assert (picture[50, 95] == 77).all()
    np.testing.assert_allclose(picture[40, 50], (128, 128, 255), atol=1)


def test_a_pasted_scene_is_moved_whole() -> None:
    whole = Scene(80, 150)
    whole.paste(scene(), 20, 7)
    np.testing.assert_array_equal(raster(whole)[7:67, 20:140], raster(scene()))


def test_other_formats_are_refused() -> None:
    with pytest.raises(UsageError, match=r"\.svg or \.pdf, got '\.eps'"):
        map_file(demo_embedding(), ".eps")


def test_a_map_of_nothing_can_be_printed() -> None:
    from selfscope.records import Embedding

    empty = Embedding("none", np.zeros((0, 2), np.float32))
    assert map_file(empty, ".pdf").startswith(b"%PDF-1.4")
    assert embedding_scene(empty).items


def test_fonts_that_stand_in_are_hardly_wider() -> None:
    """librsvg knows neither a font inside the file nor textLength: the system's font must keep words on the page."""
    words = "perplexity 30 asked for, too much for so few points · 10-NN recall 0.92"
    named = [name for name in re.findall(r"[\w ]+", FONTS) if name.startswith(("DejaVu", "Liberation"))]
    assert named == ["Liberation Sans", "DejaVu Sans Condensed"]
    stems = ("LiberationSans-Regular", "DejaVuSansCondensed")
    present = [face for face in faces() if Path(face.file).stem in stems]
    if not present:
        pytest.skip("this machine has neither of the fonts")
    for face in present:
        assert glyphs.font(100, face).getlength(words) < 1.06 * glyphs.font(100).getlength(words)


def test_letters_that_no_font_here_has_are_not_stretched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens the file may have the font: the width of what stands in for them here is none of theirs."""
    monkeypatch.setattr("selfscope.draw.glyphs.is_drawable", lambda text: "東" not in text)
    first, second = ElementTree.fromstring(svg(both := scene())).findall(f"{NAMESPACE}text")
    both.text(0, 0, "longer", 10)
    assert first.text == "a < b & “c” – 東"
    assert first.get("textLength") is None
    assert ElementTree.fromstring(svg(both)).findall(f"{NAMESPACE}text")[-1].get("textLength")
    assert second.text == "R"
