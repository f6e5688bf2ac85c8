"""`browse --stats`, `--dataset`, `--transform`, `--bands`, from the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from selfscope.cli import main
from selfscope.store.encode import decode_picture
from selfscope.store.reader import open_run

Photos = Callable[..., Path]
OWN = """
from torchvision import transforms as T
from PIL import Image

def two_crops(image):
    crop = T.RandomResizedCrop(24)
    return [crop(image), crop(image)]

class Same:
    def __call__(self, image):
        return [image, image]

lent = T.Lambda(lambda image: image)

def empty(image):
    return None

def broken(image):
    raise RuntimeError("no")

def make():
    return [Image.new("RGB", (9, 9), (i, 90, 200)) for i in range(3)]

made = make()
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module of the user's in the current folder."""
    (tmp_path / "my_own_views.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    return tmp_path


@pytest.mark.slow
def test_statistics_are_told_and_kept(own: Path, photos: Photos, capsys: pytest.CaptureFixture) -> None:
    flags = ["--transform", "my_own_views:two_crops", "--stats", "12", "--output-dir", "out", "--work-dir", "runs"]
    assert main(["browse", str(photos()), *flags]) == 0
    told = capsys.readouterr().out
    assert "12 draws of 6 images" in told
    assert "crop area" in told
    assert "nothing looks broken" in told
    values = json.loads((own / "out" / "stats.json").read_text())
    assert (values["n"], values["warnings"]) == (12, [])
    assert sorted(path.name for path in (own / "out").iterdir()) == ["statistics.png", "stats.json"]
    (run,) = (own / "runs").iterdir()
    kept = open_run(run).statistics["train"]
    np.testing.assert_array_equal(decode_picture(own / "out" / "statistics.png"), kept.plot())
    assert main(["browse", str(photos()), *flags[:3], "1", *flags[4:]]) == 0
    told = capsys.readouterr().out
    assert "1 draw of 1 image\n" in told
    assert "too few draws" in told


@pytest.mark.slow
@pytest.mark.parametrize("name", ["my_own_views:two_crops", "elsewhere/more_views.py:two_crops"])
def test_workers_import_a_transform_by_its_name(name: str, own: Path, photos: Photos) -> None:
    (own / "elsewhere").mkdir()
    (own / "elsewhere" / "more_views.py").write_text(OWN)
    root = photos()
    for workers in (0, 2):
        out = f"out{workers}"
        flags = ["--transform", name, "--workers", str(workers), "--stats", "12", "-n", "3", "--not-show"]
        assert main(["browse", str(root), *flags, "--output-dir", out]) == 0
    for file in ("stats.json", "contact_sheet.png"):
        assert (own / "out0" / file).read_bytes() == (own / "out2" / file).read_bytes()


def test_what_looks_broken_is_told_in_words(own: Path, photos: Photos, capsys: pytest.CaptureFixture) -> None:
    assert main(["browse", "--dataset", str(photos()), "--transform", "my_own_views.py:Same", "--stats", "8"]) == 0
    told = capsys.readouterr().out
    assert told.count("looks broken:") == 2
    assert "views are identical" in told
    assert "nothing changes" in told


@pytest.mark.parametrize("name", ["my_own_views:made", "my_own_views:make", "my_own_views.py:made"])
def test_a_data_set_by_its_name(name: str, own: Path) -> None:
    assert main(["browse", "--dataset", name, "--not-show", "--output-dir", "out"]) == 0
    assert sorted(path.name for path in (own / "out").iterdir()) == ["0.png", "1.png", "2.png", "contact_sheet.png"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--dataset", "nowhere_at_all:x"], "importing nowhere_at_all raised ModuleNotFoundError"),
        (["--dataset", "my_own_views:mad"], "has no 'mad'. Did you mean 'made'?"),
        (["--dataset", "none.py:x"], "no such file none.py"),
        (["P", "--transform", "random.py:two_crops"], "others need a module named 'random'"),
        (["P", "--transform", "numpy.py:two_crops"], "others need a module named 'numpy'"),
        (["P", "--transform", "two_crops"], "expected module:object or file.py:object"),
        (["P", "--transform", "my_own_views:empty"], "the transform empty gave no image: expected an image"),
        (["P", "--transform", "my_own_views:lent", "--workers", "2"], "name every function in a module"),
        (["P", "--transform", "my_own_views:broken"], "broken raised RuntimeError: no, given Image "),
        (["P", "--dataset", "P"], "one of them"),
        ([], "one of them"),
        (["P", "--stats", "0"], "at least 1 draw"),
        (["P", "--bands", "1,2"], "expected one (grey) or three"),
    ],
)
def test_refusals_are_one_sentence(
    flags: list[str], words: str, own: Path, photos: Photos, capsys: pytest.CaptureFixture
) -> None:
    root = str(photos())
    for name in ("random.py", "numpy.py"):
        (own / name).write_text(OWN)
    assert main(["browse", *[root if flag == "P" else flag for flag in flags], "--not-show", "--output-dir", "o"]) == 1
    told = capsys.readouterr().err.strip().splitlines()
    assert words in told[-1]
    assert not any("Traceback" in line for line in told)


def test_bands_of_a_folder(own: Path, capsys: pytest.CaptureFixture) -> None:
    (own / "scenes").mkdir()
    np.save(own / "scenes" / "a.npy", np.random.default_rng(0).integers(0, 4000, (12, 30, 40), dtype=np.uint16))
    flags = ["--bands", "4,3,2", "--band-range", "0", "4000", "--not-show", "--output-dir", "out"]
    assert main(["browse", "scenes", *flags]) == 0
    assert (own / "out" / "a.png").is_file()


def test_arrays_without_bands_are_told_of(own: Path, capsys: pytest.CaptureFixture) -> None:
    (own / "scenes").mkdir()
    np.save(own / "scenes" / "a.npy", np.zeros((4, 8, 8), np.uint16))
    assert main(["browse", "scenes", "--not-show", "--output-dir", "out"]) == 1
    assert "arrays such as a.npy: say which bands are red, green and blue" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("photos/none", "photos/none: there is no such folder here, and the name of a config ends in .py"),
        ("photos/a.JPG", "expected a folder or a config, got a single image: give the folder that holds it"),
        ("nothing.py", "nothing.py: there is no such config here"),
    ],
)
def test_what_is_neither_folder_nor_config(source: str, words: str, own: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["browse", source, "--not-show", "--output-dir", "out"]) == 1
    assert words in capsys.readouterr().err
