"""`selfscope probe` on folders of pictures that raw pixels tell apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from selfscope.cli import main
from selfscope.store.reader import open_run

CONFIG = "configs/selfsup/mae/mae_vit-tiny-p8_digits.py"


def write_classes(folder: Path, seed: int, each: int = 8) -> str:
    """Red and blue pictures with some noise."""
    rng = np.random.default_rng(seed)
    for label, colour in {"red ü": (200, 30, 30), "blue": (30, 30, 200)}.items():
        (folder / label).mkdir(parents=True)
        for i in range(each):
            picture = np.clip(np.array(colour) + rng.normal(0, 20, (32, 32, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(picture).save(folder / label / f"{i}.png")
    return str(folder)


def test_a_table_in_the_terminal_and_in_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, val = write_classes(tmp_path / "train", 0), write_classes(tmp_path / "val", 1)
    command = ["probe", CONFIG, "--train-data", train, "--val-data", val, "--k", "3", "--work-dir", str(tmp_path / "o")]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "accuracy on 16 images from 16 of 2 classes; training and validation data as given" in said
    (entry,) = (run := open_run(next((tmp_path / "o").iterdir()))).tables
    assert run.info["seed"] == 0
    table = entry.load().columns
    assert list(table["name"]) == ["untrained", "raw pixels"]
    assert list(table["dimensions"]) == [96, 3 * 32 * 32]
    assert table["knn_3"][1] == table["linear"][1] == 1.0


def test_one_folder_is_split_and_too_few_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_classes(tmp_path / "all", 0)
    out = ["--no-linear", "--no-references", "--work-dir", str(tmp_path / "o")]
    assert main(["probe", CONFIG, "--train-data", folder, *out]) == 0
    assert "20% of one data set held out" in capsys.readouterr().out
    assert main(["probe", CONFIG, "--train-data", folder, "--max-num-samples", "1", *out]) == 1
    assert "too few to hold some out: give validation data" in capsys.readouterr().err
    assert main(["probe", CONFIG, "--train-data", folder, "--val-data", folder, *out]) == 1
    assert "images are in both parts" in capsys.readouterr().err


def test_what_cannot_be_probed_is_refused_before_features_are_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, val = write_classes(tmp_path / "train", 0), write_classes(tmp_path / "val", 1)
    (tmp_path / "flat").mkdir()
    (Path(val) / "blue" / "0.png").rename(tmp_path / "flat" / "0.png")
    flat, out = str(tmp_path / "flat"), ["--work-dir", str(tmp_path / "o")]
    for flags, words in (
        (["--train-data", flat], "the training images have no labels"),
        (["--train-data", train, "--val-data", flat], "the validation images have no labels"),
        (["--train-data", train, "--val-data", train], "16 images are in both parts"),
        (["--train-data", train, "--val-data", val, "--k", "0"], "k: expected whole numbers"),
    ):
        assert main(["probe", CONFIG, *flags, *out]) == 1
        assert words in capsys.readouterr().err
    (Path(val) / "blue").rename(Path(val) / "green")
    assert main(["probe", CONFIG, "--train-data", train, "--val-data", val, *out]) == 1
    assert "such as 'green'" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_features_are_kept_between_probes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_classes(tmp_path / "all", 0)
    command = ["probe", CONFIG, "--train-data", folder, "--no-linear", "--work-dir", str(tmp_path / "o")]
    assert main(command) == 0
    first = capsys.readouterr().out.splitlines()[:-1]
    monkeypatch.setattr("selfscope.views.extract.computed", None)  # nothing is computed again
    assert main(command) == 0
    assert [line for line in capsys.readouterr().out.splitlines()[:-1] if "%" in line] == [
        line for line in first if "%" in line
    ]
