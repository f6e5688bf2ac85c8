from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from selfscope.data.picture import read_picture
from selfscope.errors import DataError

from .sources_of_pictures import PHOTO, gradient

RNG = np.random.default_rng(1)
NOISE = RNG.integers(0, 256, (7, 11, 3), dtype=np.uint8)


def test_jpeg_has_the_pixels_that_opencv_decodes(ancestor: dict[str, np.ndarray]) -> None:
    np.testing.assert_array_equal(read_picture(PHOTO), ancestor["decoded"])


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm", "webp"])
@pytest.mark.parametrize("shape", [(7, 11), (1, 1), (1, 300), (300, 1)])
def test_lossless_formats_round_trip(tmp_path: Path, suffix: str, shape: tuple[int, int]) -> None:
    pixels = RNG.integers(0, 256, (*shape, 3), dtype=np.uint8)
    path = tmp_path / f"ein bild · 图.{suffix}"
    Image.fromarray(pixels).save(path, **({"lossless": True} if suffix == "webp" else {}))
    read = read_picture(path)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, pixels)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_transform_may_write_into_what_was_read(tmp_path: Path, suffix: str) -> None:
    Image.new("RGB", (5, 3), (9, 9, 9)).save(tmp_path / f"a{suffix}")
    pixels = read_picture(tmp_path / f"a{suffix}")
    pixels[0, 0] = 200
    assert (pixels[0, 0] == 200).all()


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    Image.fromarray(NOISE[..., 0]).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), np.repeat(NOISE[..., :1], 3, axis=2))


def test_one_bit_becomes_black_and_white(tmp_path: Path) -> None:
    bits = NOISE[..., 0] > 127
    Image.fromarray(bits).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png")[..., 1], bits * np.uint8(255))


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_alpha_is_dropped_not_blended(tmp_path: Path, suffix: str) -> None:
    alpha = np.arange(77, dtype=np.uint8).reshape(7, 11, 1) * 3 + 1  # never 0: WebP may forget what nobody sees
    Image.fromarray(np.concatenate([NOISE, alpha], axis=2)).save(
        tmp_path / f"a.{suffix}", **({"lossless": True} if suffix == "webp" else {})
    )
    np.testing.assert_array_equal(read_picture(tmp_path / f"a.{suffix}"), NOISE)


def test_grey_with_alpha(tmp_path: Path) -> None:
    Image.merge("LA", [Image.fromarray(NOISE[..., i]) for i in (0, 1)]).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), np.repeat(NOISE[..., :1], 3, axis=2))


@pytest.mark.parametrize("transparency", [None, 1, bytes([0, 128, 255])])
def test_palette_gives_its_colours(tmp_path: Path, transparency: int | bytes | None) -> None:
    indices = RNG.integers(0, 3, (5, 6), dtype=np.uint8)
    colours = np.array([[9, 8, 7], [200, 100, 0], [255, 255, 1]], np.uint8)
    image = Image.fromarray(indices).convert("L")
    image.putpalette(colours.tobytes())
    options = {} if transparency is None else {"transparency": transparency}
    image.save(tmp_path / "a.png", **options)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), colours[indices])


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_sixteen_bits_keep_their_high_byte(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 255, 256, 4095, 65280, 65535]], np.uint16)
    path = tmp_path / f"a.{suffix}"
    if suffix == "pgm":  # older versions of Pillow read it but do not write it
        path.write_bytes(b"P5 6 1 65535\n" + values.astype(">u2").tobytes())
    else:
        Image.fromarray(values).save(path)
    np.testing.assert_array_equal(read_picture(path)[0, :, 0], [0, 0, 1, 15, 255, 255])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),  # 0..1
        ([0.0, 1.4, 255.0], [0, 1, 255]),  # 0..255
        ([0.0, 257.0, 65535.0], [0, 1, 255]),  # 0..65535
        ([-1.0, 0.0, 1.0], [0, 128, 255]),  # its own range
        ([np.nan, 0.0, 1.0], [0, 0, 255]),
        ([np.inf, -3.0, 1.0], [0, 0, 255]),
        ([np.nan, np.nan, np.nan], [0, 0, 0]),
        ([5e8, 5e8, 5e8], [0, 0, 0]),
    ],
)
def test_floats_map_by_the_smallest_range_that_holds_them(
    tmp_path: Path, values: list[float], expected: list[int]
) -> None:
    Image.fromarray(np.array([values], np.float32)).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.tif")[0, :, 2], expected)


@pytest.mark.parametrize(
    ("values", "expected"), [([0, 1, 255], [0, 1, 255]), ([0, 257, 65535], [0, 1, 255]), ([-10, 0, 10], [0, 128, 255])]
)
def test_long_integers_map_by_the_smallest_range(tmp_path: Path, values: list[int], expected: list[int]) -> None:
    Image.fromarray(np.array([values], np.int32)).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.tif")[0, :, 0], expected)


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk_is_the_product_of_ink_and_black(tmp_path: Path, suffix: str) -> None:
    inks = [Image.new("L", (8, 8), ink) for ink in (0, 100, 255, 51)]
    options = {"quality": 100, "subsampling": 0} if suffix == "jpg" else {}
    Image.merge("CMYK", inks).save(tmp_path / f"a.{suffix}", **options)
    expected = [(255 - c) * (255 - 51) / 255 for c in (0, 100, 255)]
    np.testing.assert_allclose(read_picture(tmp_path / f"a.{suffix}")[4, 4], expected, atol=2)


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read_picture(tmp_path / "a.gif")[1, 1].tolist() == [255, 0, 0]


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_turns_the_picture_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    upright = gradient(24, 16)
    stored = {  # how a camera held that way stores the upright scene
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100, "subsampling": 0} if suffix == "jpg" else {}
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif, **options)
    np.testing.assert_allclose(read_picture(path).astype(int), upright, atol=12 if suffix == "jpg" else 0)
    if suffix != "tif":  # Pillow itself turns TIFF
        assert read_picture(path, upright=False).shape == stored.shape


def _refused(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_picture(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("this is no picture")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "cut.jpg").write_bytes(PHOTO.read_bytes()[:2000])
    (tmp_path / "head.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
    assert _refused(tmp_path / "missing.jpg") == "no such file"
    (tmp_path / "program.jpg").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    )
    kinds = "JPEG, PNG, WEBP, TIFF, GIF, BMP, PPM, JPEG2000"
    assert _refused(tmp_path / "text.jpg") == f"is not a picture ({kinds})"
    assert _refused(tmp_path / "program.jpg") == f"is not a picture ({kinds})"  # Pillow would run Ghostscript
    assert _refused(tmp_path / "empty.png") == "is empty (0 bytes)"
    assert _refused(tmp_path / "folder.jpg") == "is a folder, not a picture"
    assert _refused(tmp_path / "cut.jpg").startswith("is truncated or corrupt (image file is truncated")
    assert "corrupt" in _refused(tmp_path / "head.png") or "not a picture" in _refused(tmp_path / "head.png")
    with pytest.raises(DataError, match="truncated or corrupt"):
        read_picture("nul\0byte.png")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(PHOTO.read_bytes())
    (tmp_path / "a.jpg").chmod(0)
    assert _refused(tmp_path / "a.jpg") == "no permission to read it"


def test_a_bomb_is_refused_and_a_large_picture_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (30, 30)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 600)  # Pillow warns between once and twice the limit
    assert read_picture(tmp_path / "a.png").shape == (30, 30, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)
    assert _refused(tmp_path / "a.png").startswith("has more than 800 pixels")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 3800), st.integers(0, 255)), min_size=1, max_size=30), st.sampled_from("jgtw"))
def test_corrupt_bytes_give_a_picture_or_a_data_error(tmp_path: Path, damage: list[tuple[int, int]], kind: str) -> None:
    name = {"j": "a.jpg", "g": "a.gif", "t": "a.tif", "w": "a.webp"}[kind]
    source = tmp_path / f"whole_{name}"
    if not source.exists():
        with Image.open(PHOTO) as image:
            image.resize((32, 24)).save(source)
    content = bytearray(source.read_bytes())
    for place, value in damage:
        content[place % len(content)] = value
    (tmp_path / name).write_bytes(content)
    with suppress(DataError):
        pixels = read_picture(tmp_path / name)
        assert pixels.dtype == np.uint8
        assert pixels.shape[2:] == (3,)


def test_a_want_of_memory_is_no_broken_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(NOISE).save(tmp_path / "a.png")

    def load(image: Image.Image) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    with pytest.raises(DataError, match=r"a\.png: needs more memory than there is"):
        read_picture(tmp_path / "a.png")
