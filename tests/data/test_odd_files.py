"""A folder as people have it: everything odd at once, through `browse` and through the batches of `extract`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from selfscope.cli import main
from selfscope.data.dataset import folder_dataset
from selfscope.data.loading import load_batches
from selfscope.views.browse import browse
from tests.conftest import smooth_picture

PICTURE = smooth_picture(1)
FRAMES = [Image.fromarray(smooth_picture(i)) for i in range(4)]
BROKEN = {"cut.jpg", "zero.png"}
utf8_only = pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="the file system takes UTF-8 names only")


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    root = tmp_path / "odd"
    for folder in ("cat", "dog", "empty"):
        (root / folder).mkdir(parents=True)
    for folder in ("cat", "dog"):
        for name in ("1.jpg", "1.png"):
            Image.fromarray(PICTURE).save(root / folder / name)
    dog = root / "dog"
    Image.fromarray(PICTURE[:1, :1]).save(dog / "pixel.png")
    Image.fromarray(np.tile(PICTURE[:3], (1, 250, 1))).save(dog / "wide.png")
    Image.fromarray(np.tile(PICTURE[:, :2], (334, 1, 1))[:20000]).save(dog / "tall.png")
    Image.fromarray(np.tile(PICTURE, (1, 20, 1))).save(dog / "panorama.jpg")
    Image.fromarray(PICTURE).convert("CMYK").save(dog / "cmyk.jpg")
    for name in ("moving.gif", "moving.webp"):
        FRAMES[0].save(dog / name, save_all=True, append_images=FRAMES[1:])
    Image.fromarray(PICTURE[..., 0].astype(np.uint16) * 257).save(dog / "deep.png")
    Image.fromarray(PICTURE).quantize(16).save(dog / "palette.png", transparency=3)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(PICTURE).save(dog / "turned.jpg", exif=turned)
    (dog / "cut.jpg").write_bytes((dog / "1.jpg").read_bytes()[:400])
    (dog / "zero.png").write_bytes(b"")
    (dog / "x.jpg").mkdir()
    os.symlink(root, dog / "round")
    os.symlink(dog / "itself", dog / "itself")
    return root


def test_everything_readable_is_browsed_and_the_rest_named(odd: Path) -> None:
    skipped: list[tuple[str, str]] = []
    samples = {sample.key: sample for sample in browse(odd, skipped=skipped)}
    assert {Path(path).name for path, _ in skipped} == BROKEN
    assert {"cat/1.jpg", "cat/1.png", "dog/1.jpg", "dog/1.png"} <= set(samples)
    assert len(samples) == 14
    sizes = {key: sample.views[0].picture.shape[:2] for key, sample in samples.items()}
    assert sizes["dog/pixel"] == (1, 1)
    assert sizes["dog/wide"] == (3, 20000)
    assert sizes["dog/tall"] == (20000, 2)
    assert sizes["dog/panorama"] == (60, 1600)
    assert sizes["dog/turned"] == (80, 60)
    assert {samples[key].label_name for key in samples} == {"cat", "dog"}
    np.testing.assert_allclose(samples["dog/cmyk"].views[0].picture.astype(int), PICTURE, atol=40)
    np.testing.assert_array_equal(samples["dog/deep"].views[0].picture[..., 1], PICTURE[..., 0])


@pytest.mark.parametrize("name", ["moving.gif", "moving.webp"])
def test_the_first_frame_is_shown_and_said(odd: Path, name: str) -> None:
    by_name = {Path(sample.path or "").name: sample for sample in browse(odd, skipped=[])}
    np.testing.assert_allclose(by_name[name].views[0].picture.astype(int), np.asarray(FRAMES[0]), atol=60)
    assert by_name[name].settings["notes"] == ("the first of 4 frames",)
    assert "notes" not in by_name["1.png"].settings
    assert by_name[name].plot().shape[0] > by_name["1.png"].plot().shape[0]


def test_batches_hold_all_that_can_be_read(odd: Path) -> None:
    pipeline = [{"type": "LoadImageFromFile"}, {"type": "Resize", "scale": (16, 16)}]
    batches = list(load_batches(folder_dataset(odd, pipeline), batch_size=4))
    assert sum(len(batch) for batch in batches) == 14
    assert {Path(path).name for batch in batches for path, _ in batch.skipped} == BROKEN
    assert {tuple(batch.images.shape[1:]) for batch in batches} == {(3, 16, 16)}


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags",
    [[], ["--mode", "concat"], ["--stats", "8", "-n", "16"]],
)
def test_the_command_writes_a_picture_each(odd: Path, flags: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["browse", str(odd), "--not-show", "--output-dir", str(out), *flags]) == 0
    assert sum(path.is_file() for path in out.rglob("*/*")) == 14


@utf8_only
def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    root = tmp_path / "names"
    root.mkdir()
    Image.fromarray(PICTURE).save(root / "a.png")
    os.rename(os.fsencode(root / "a.png"), os.fsencode(root) + b"/\xe9.png")
    (sample,) = browse(root)
    assert sample.key == "\ufffd"
    np.testing.assert_array_equal(sample.views[0].picture, PICTURE)
    runs, out = tmp_path / "runs", tmp_path / "out"
    assert main(["browse", str(root), "--not-show", "--output-dir", str(out), "--work-dir", str(runs)]) == 0
    assert (out / "\ufffd.png").is_file()


def test_a_frame_that_cannot_be_counted_is_still_shown(tmp_path: Path) -> None:
    FRAMES[0].save(tmp_path / "a.gif", save_all=True, append_images=FRAMES[1:])
    whole = (tmp_path / "a.gif").read_bytes()
    (tmp_path / "a.gif").write_bytes(whole[: len(whole) - 40])
    (sample,) = browse(tmp_path)
    assert sample.settings["notes"][0].startswith("the first of")
