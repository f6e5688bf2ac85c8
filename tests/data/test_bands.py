"""Pictures of one, two, four and twelve bands, from arrays and TIFF."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from selfscope.data.bands import Bands, parse_bands, read_bands
from selfscope.errors import DataError, MissingExtraError, SelfscopeError, UsageError
from selfscope.views.browse import browse
from selfscope.views.statistics import augmentation_stats

RNG = np.random.default_rng(0)
TWELVE = RNG.integers(0, 4000, (12, 19, 24), dtype=np.uint16)
GDAL = '<GDALMetadata><Item name="DESCRIPTION" sample="{}" role="description">{}</Item></GDALMetadata>'


def write(path: Path, values: np.ndarray, **options: Any) -> Path:
    """`(C, H, W)` values as the file's suffix says."""
    if path.suffix == ".npy":
        np.save(path, values)
    else:
        tifffile.imwrite(path, values, photometric="minisblack", **options)
    return path


def stretched(plane: np.ndarray) -> np.ndarray:
    """The slow obvious version."""
    low, high = np.percentile(plane, (2, 98))
    return np.array([[round(min(max((v - low) / (high - low), 0), 1) * 255) for v in row] for row in plane.tolist()])


@pytest.mark.parametrize("name", ["a.npy", "a.tif", "planar.tiff"])
def test_twelve_bands_are_stretched_one_by_one(name: str, tmp_path: Path) -> None:
    options = {"planarconfig": "separate"} if name == "planar.tiff" else {}
    path = write(tmp_path / name, TWELVE, **options)
    picture, rule = read_bands(path, Bands((4, 3, 2)))
    for channel, band in enumerate((4, 3, 2)):
        np.testing.assert_allclose(picture[..., channel], stretched(TWELVE[band - 1]), atol=1)
    assert rule == "bands 4, 3, 2 as red, green, blue, each from its 2nd to 98th percentile"


@pytest.mark.parametrize("channels", [1, 2, 4])
@pytest.mark.parametrize("suffix", [".npy", ".tif"])
def test_few_bands_as_grey(channels: int, suffix: str, tmp_path: Path) -> None:
    values = RNG.random((channels, 20, 30)).astype(np.float32)
    path = write(tmp_path / f"a{suffix}", values)
    picture, rule = read_bands(path, Bands((channels,), (0, 1)))
    np.testing.assert_array_equal(picture, np.rint(values[-1] * 255)[..., None].repeat(3, 2))
    assert rule == f"band {channels} as grey, 0..1"


def test_channels_last_and_plain_pictures(tmp_path: Path) -> None:
    last = np.ascontiguousarray(TWELVE.transpose(1, 2, 0))
    np.save(tmp_path / "last.npy", last)
    write(tmp_path / "first.npy", TWELVE)
    first, second = (read_bands(tmp_path / f"{name}.npy", Bands((1, 5, 12)))[0] for name in ("first", "last"))
    np.testing.assert_array_equal(first, second)
    rgb = RNG.integers(0, 256, (5, 6, 3), dtype=np.uint8)
    Image.fromarray(rgb).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_bands(tmp_path / "a.png", Bands((3, 2, 1)))[0], rgb[..., ::-1])
    np.testing.assert_array_equal(read_bands(tmp_path / "a.png", Bands(("G",)))[0], rgb[..., [1]].repeat(3, 2))


def test_bands_by_the_names_in_the_file(tmp_path: Path) -> None:
    names = "".join(GDAL.format(i, name)[14:-15] for i, name in enumerate(("B02", "B03", "B04", "B08")))
    metadata = f"<GDALMetadata>{names}</GDALMetadata>"
    extra = [(42112, "s", 0, metadata, True)]
    write(tmp_path / "a.tif", TWELVE[:4], planarconfig="separate", extratags=extra)
    named, rule = read_bands(tmp_path / "a.tif", parse_bands("B04, B03, B02"))
    np.testing.assert_array_equal(named, read_bands(tmp_path / "a.tif", parse_bands("3,2,1"))[0])
    assert rule.startswith("bands B04, B03, B02 as red")
    with pytest.raises(DataError, match=r"no band 'B05': the image has B02, B03, B04, B08"):
        read_bands(tmp_path / "a.tif", parse_bands("B05"))


def test_flat_bands_and_missing_values(tmp_path: Path) -> None:
    values = np.stack([np.full((4, 5), 7.0), np.full((4, 5), np.nan), np.linspace(0, 1, 20).reshape(4, 5)])
    values[2, 0, 0] = np.nan
    np.save(tmp_path / "a.npy", values)
    picture, _ = read_bands(tmp_path / "a.npy", Bands((1, 2, 3)))
    assert not picture[..., :2].any()
    assert picture[0, 0, 2] == 0
    assert picture[..., 2].max() == 255


@pytest.mark.parametrize(
    ("bands", "span", "words"),
    [
        ("1,2", None, "one .grey. or three .* got 2: 1,2"),
        ("0,1,2", None, "counted from 1, got 0,1,2"),
        ("1", (3, 3), "a range .* that rises"),
        (None, (0, 1), "needs bands"),
    ],
)
def test_bands_that_make_no_picture(bands: Any, span: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_bands(bands, span)


def test_files_that_hold_no_bands(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(b"no array")
    (tmp_path / "a.tif").write_bytes(b"II*\0")
    (tmp_path / "a.png").write_bytes(b"")
    np.save(tmp_path / "four.npy", np.zeros((2, 2, 2, 2)))
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    write(tmp_path / "few.npy", TWELVE[:3])
    for name in ("a.npy", "a.tif", "a.png", "four.npy", "objects.npy", "few.npy", "none.npy"):
        with pytest.raises(DataError) as error:
            read_bands(tmp_path / name, Bands((4,)))
        assert str(error.value).startswith(str(tmp_path / name))
        assert "\n" not in str(error.value)


def test_without_tifffile_the_exact_command_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.tif", TWELVE)
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "tifffile":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r'pip install "selfscope\[bands\]"'):
        read_bands(path, Bands((1,)))


def test_a_folder_of_bands_is_browsed_and_measured(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path / f"{i}.tif", TWELVE)
        write(tmp_path / f"array {i}.npy", TWELVE)
    samples = list(browse(tmp_path, bands="4,3,2"))
    assert [sample.key for sample in samples] == ["0", "1", "2", "array 0", "array 1", "array 2"]
    np.testing.assert_array_equal(samples[0].views[0].picture, samples[3].views[0].picture)
    assert samples[0].settings["notes"][0].startswith("bands 4, 3, 2 as red, green, blue")
    assert augmentation_stats(tmp_path, bands="4,3,2", n=4).n == 4


def test_a_config_reads_bands_too(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", TWELVE)
    data = f"type='CustomDataset', data_root={str(tmp_path)!r}, with_label=False"
    for load in ("", ", bands='4,3,2', band_range=(0, 4000)"):
        pipeline = f"[dict(type='LoadImageFromFile'{load}), dict(type='Resize', scale=(8, 8))]"
        (tmp_path / "c.py").write_text(f"train_dataloader = dict(dataset=dict({data}, pipeline={pipeline}))\n")
        given = {} if load else {"bands": "4,3,2", "band_range": (0, 4000)}
        (sample,) = browse(tmp_path / "c.py", **given)
        assert sample.settings["notes"] == ("bands 4, 3, 2 as red, green, blue, 0..4000",)


def test_bands_have_nowhere_to_go_in_a_pipeline_of_ones_own() -> None:
    with pytest.raises(SelfscopeError):
        next(browse([np.zeros((4, 4, 3), np.uint8)], bands="9"))


def test_a_digit_that_is_no_number_is_a_name() -> None:
    bands = parse_bands("²")
    assert bands is not None
    assert bands.chosen == ("²",)
