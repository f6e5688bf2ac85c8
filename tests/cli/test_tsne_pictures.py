"""`selfscope tsne`: colours, labels from a table, thumbnails, formats, seeds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from selfscope.cli import main
from selfscope.store.reader import open_run
from tests.cli.test_tsne_command import Photos, run


@pytest.fixture
def features(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 120)
    np.save(tmp_path / "mine.npy", (9 * np.eye(3, 6)[labels] + rng.normal(size=(120, 6))).astype(np.float32))
    np.save(tmp_path / "labels.npy", labels)
    return tmp_path / "mine.npy"


def mapped(features: Path, *flags: str) -> Path:
    work = features.parent / "W"
    before = set(work.glob("*"))
    assert main(["tsne", "--features", str(features), "--work-dir", str(work), "--n-iter", "60", *flags]) == 0
    (made,) = set(work.glob("*")) - before
    return made


def test_every_format_is_saved(features: Path, capsys: pytest.CaptureFixture) -> None:
    made = mapped(features, "--format", "png", "svg", "pdf", "--color-by", "density")
    heads = {path.suffix: path.read_bytes()[:8] for path in (made / "saved_pictures").iterdir()}
    assert heads == {".png": b"\x89PNG\r\n\x1a\n", ".svg": b"<svg xml", ".pdf": b"%PDF-1.4"}
    assert b"coloured by density" in (made / "saved_pictures" / "mine.svg").read_bytes()
    told = capsys.readouterr().out
    assert "trustworthiness" in told
    assert "two principal components instead" in told


@pytest.mark.slow
def test_several_seeds_and_clusters_are_in_the_run(features: Path) -> None:
    made = mapped(features, "--seeds", "3", "--color-by", "cluster")
    record = open_run(made).embeddings["mine"]
    assert {"stability", "cluster", "trust", "recall", "density", "norm"} <= set(record.columns)
    quality = json.loads((made / "embeddings/mine/quality.json").read_bytes())["quality"]
    assert quality["seeds"] == 3
    assert quality["seed_overlap"] == pytest.approx(record.columns["stability"].mean())
    assert quality["pca_knn_recall"] < 1
    assert record.settings["clusters"]["count"] == 3


@pytest.mark.slow
def test_labels_and_thumbnails_by_path(photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    root = photos(classes=2, each=4)
    rows = [f"n0000000{c}_kind {c}/{i}.jpg,{'even' if i % 2 == 0 else 'odd'}" for c in range(2) for i in range(3)]
    (tmp_path / "t.csv").write_text("\n".join(["path,parity", *rows]), encoding="utf-8")
    made = run(root, tmp_path / "W", "--labels", str(tmp_path / "t.csv"), "--thumbnails", "3", "--color-by", "parity")
    assert "6 of 8 images found, 2 images are not in it" in capsys.readouterr().out
    record = open_run(made).embeddings["feat_3"]
    assert record.class_names == ("even", "odd")
    assert record.labels is not None
    assert record.labels.tolist() == [0, 1, 0, -1] * 2
    assert len(record.thumbnails) == 3


REFUSALS = [
    (["--color-by", "densty"], "density"),
    (["--color-by", "stability"], "--seeds"),
    (["--labels", "none.csv"], "none.csv"),
    (["--thumbnails", "0"], "at least 1"),
    (["--seeds", "0"], "at least 1"),
    (["--class-idx", "1", "--max-num-samples", "5"], "--max-num-samples, --class-idx is for features of a config"),
    (["--checkpoint", "C.pth"], "--checkpoint is for features of a config"),
    (["--color-by", "drift"], "expected one of label"),
]


@pytest.mark.parametrize(("flags", "words"), REFUSALS, ids=[" ".join(flags) for flags, _ in REFUSALS])
def test_refusals_come_before_any_folder(
    flags: list[str], words: str, features: Path, capsys: pytest.CaptureFixture
) -> None:
    work = features.parent / "W"
    assert main(["tsne", "--features", str(features), "--work-dir", str(work), *flags]) == 1
    told = capsys.readouterr().err.strip()
    assert words in told
    assert len(told.splitlines()) == 1
    assert not work.exists()


def test_thumbnails_without_paths_are_one_sentence(features: Path, capsys: pytest.CaptureFixture) -> None:
    command = ["tsne", "--features", str(features), "--work-dir", str(features.parent / "W"), "--thumbnails", "3"]
    assert main([*command, "--n-iter", "20"]) == 1
    told = capsys.readouterr()
    assert "without the paths of their images" in told.err
    assert "iterations" not in told.out + told.err  # before the map is made


OTHER_LIMITS = [
    pytest.param(flags, marks=pytest.mark.slow) for flags in (("--max-num-class", "1"), ("--max-num-samples", "2"))
]


@pytest.mark.parametrize("flags", [("--class-idx", "1"), *OTHER_LIMITS])
def test_images_that_are_left_out_are_not_read(
    flags: tuple[str, ...], photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Those of the run are found by a first one; all others are broken, and nobody notices."""
    root = photos(classes=2, each=4)
    chosen = open_run(run(root, tmp_path / "V", *flags)).embeddings["feat_3"].paths
    assert chosen is not None
    assert len(chosen) == 4
    for path in root.glob("*/*.jpg"):
        if not any(Path(kept).samefile(path) for kept in chosen):
            path.write_bytes(b"broken")
    capsys.readouterr()
    run(root, tmp_path / "W", *flags)
    told = capsys.readouterr()
    assert "could not be read" not in told.err
    assert "data: 4 of 8 images" in told.out
