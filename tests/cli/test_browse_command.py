"""The browse job, the configuration printer and the doors in `tools/`, from their command lines."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
from PIL import Image

from selfscope.cli import main
from selfscope.config.reader import find_config, load_config
from selfscope.store.reader import open_run
from tests.conftest import smooth_picture

ROOT = Path(__file__).parents[2]
CONFIGS = {
    "simsiam": "configs/selfsup/simsiam/simsiam_resnet50_8xb32-coslr-100e_in1k.py",
    "mae": "configs/selfsup/mae/mae_vit-base-p16_8xb512-amp-coslr-300e_in1k.py",
    "simmim": "configs/selfsup/simmim/simmim_swin-base_16xb128-amp-coslr-100e_in1k-192.py",
    "maskfeat": "configs/selfsup/maskfeat/maskfeat_vit-base-p16_8xb256-amp-coslr-300e_in1k.py",
}
Photos = Callable[..., Path]


def browse(root: Path, *flags: object, config: str = "simsiam") -> int:
    data = [f"train_dataloader.dataset.{k}" for k in (f"data_root={root}", "ann_file=val.txt", 'data_prefix=""')]
    return main(["browse", CONFIGS[config], "--not-show", *map(str, flags), "--cfg-options", *data])


@pytest.mark.parametrize("config", CONFIGS)
def test_a_picture_for_every_image_in_its_own_folder(config: str, photos: Photos, tmp_path: Path) -> None:
    root, out = photos(classes=2, each=2), tmp_path / "out"
    assert browse(root, "--output-dir", out, config=config) == 0
    made = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.jpg"))
    assert made == [f"n0000000{c}_kind {c}/{i}.jpg" for c in range(2) for i in range(2)]
    assert (out / "contact_sheet.png").exists()


def test_a_seed_replays_exactly(photos: Photos, tmp_path: Path) -> None:
    root = photos(classes=1, each=2)
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        assert browse(root, "--output-dir", tmp_path / name, "--seed", seed) == 0
    first, again, other = ((tmp_path / name / "contact_sheet.png").read_bytes() for name in "abc")
    assert first == again
    assert first != other


def test_the_run_holds_what_was_sampled(photos: Photos, tmp_path: Path) -> None:
    assert browse(photos(), "-n", 5, "--work-dir", tmp_path / "W") == 0
    (run,) = (tmp_path / "W").iterdir()
    assert len(open_run(run).samples) == 5
    table = parquet.read_table(next(run.rglob("samples.parquet"))).to_pydict()
    assert len(table["id"]) == 10
    assert {"crop_x", "crop_w", "flip", "view"} <= set(table)


@pytest.mark.parametrize("mode", ["original", "concat", pytest.param("pipeline", marks=pytest.mark.slow)])
def test_modes_reach_files_sheets_and_the_run(mode: str, photos: Photos, tmp_path: Path) -> None:
    root, out = photos(classes=1, each=2), tmp_path / "out"
    assert browse(root, "--mode", mode, "--output-dir", out, "--work-dir", tmp_path / "W") == 0
    samples = open_run(next((tmp_path / "W").iterdir())).samples
    for key, sample in samples.items():
        assert sample.settings["mode"] == mode
        made = np.asarray(Image.open(out / f"{key.removeprefix('samples/')}.jpg").convert("RGB"))
        assert made.shape == sample.plot(mode=mode).shape
        assert np.abs(made.astype(int) - sample.plot()).mean() < 3  # JPEG
    assert (out / "contact_sheet.png").exists()


@pytest.mark.slow
def test_a_grid_shows_everything_on_sheets_alone(photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    root, out = photos(classes=3, each=10), tmp_path / "out"
    assert browse(root, "--grid", "--output-dir", out) == 0
    assert sorted(path.name for path in out.iterdir()) == ["contact_sheet_0001.png", "contact_sheet_0002.png"]
    assert "2 contact sheets of 30 samples" in capsys.readouterr().out
    assert browse(root, "--grid", "-n", "24", "--output-dir", tmp_path / "first") == 0
    first = (tmp_path / "first" / "contact_sheet_0001.png").read_bytes()
    assert first == (out / "contact_sheet_0001.png").read_bytes()


@pytest.mark.slow
def test_any_number_of_workers_writes_the_same_bytes(photos: Photos, tmp_path: Path) -> None:
    root = photos(classes=2, each=4)
    (root / "n00000000_kind 0" / "1.jpg").write_bytes(b"broken")
    for workers in (0, 1, 2):
        assert browse(root, "--output-dir", tmp_path / f"{workers}", "--workers", workers, "--seed", 3) == 0
    files = sorted(path.relative_to(tmp_path / "0") for path in (tmp_path / "0").rglob("*.*"))
    assert len(files) == 8
    for file in files:
        assert len({(tmp_path / f"{workers}" / file).read_bytes() for workers in (0, 1, 2)}) == 1


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--show"], "--show and --not-show exclude each other"),
        (["--grid", "--work-dir", "W"], "give --output-dir"),
        (["--workers", "-1", "--output-dir", "O"], "workers=-1: expected at least 0"),
    ],
)
def test_flags_that_exclude_each_other(
    flags: list[str], words: str, photos: Photos, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = photos()
    monkeypatch.chdir(root)
    assert main(["browse", str(root), "--not-show", *flags]) == 1
    told = capsys.readouterr().err.strip()
    assert words in told
    assert len(told.splitlines()) == 1
    assert not (root / "W").exists()


def test_a_window_that_is_insisted_on_needs_a_display(
    photos: Photos, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("selfscope.visualization.window.display_missing", lambda: "there is no display")
    assert main(["browse", str(photos()), "--show"]) == 1
    told = capsys.readouterr().err.strip()
    assert told == "selfscope: --show: there is no display; give --output-dir to have the pictures written"


def test_a_broken_photo_is_skipped_counted_and_named(
    photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    root = photos(classes=1, each=5)
    broken = root / "n00000000_kind 0" / "2.jpg"
    broken.write_bytes(broken.read_bytes()[:300])
    assert browse(root, "--output-dir", tmp_path / "out") == 0
    told = capsys.readouterr()
    assert "4 pictures" in told.out
    assert "1 image could not be read" in told.err
    assert "2.jpg" in told.err


def test_nothing_readable_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "1.jpg").write_text("not a photo")
    assert main(["browse", str(tmp_path / "bad"), "--not-show", "--output-dir", str(tmp_path / "out")]) == 1
    assert "none of 1 images" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags", [["--skip-type", "ColorJitter"], ["--phase", "val"], ["--cfg-options", "a=1"], ["-n", "0"]]
)
def test_flags_that_a_folder_cannot_honour_are_refused(
    flags: list[str], photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["browse", str(photos()), "--not-show", "--output-dir", str(tmp_path / "out"), *flags]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.slow
def test_ctrl_c_leaves_an_interrupted_run(photos: Photos, tmp_path: Path) -> None:
    root = photos(classes=2, each=400)
    command = [sys.executable, "-m", "selfscope", "browse", str(root), "--not-show", "--work-dir", str(tmp_path / "W")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("W/*/browse/**/*.png")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped" in told
    assert "Traceback" not in told
    (run,) = (tmp_path / "W").iterdir()
    reader = open_run(run)
    assert reader.status == "interrupted"
    assert 0 < len(reader.samples) < 800


def test_odd_images(tmp_path: Path) -> None:
    """Grey, 16 bit, RGBA, one pixel, a name in another script, a folder without a config."""
    folder = tmp_path / "odd"
    folder.mkdir()
    picture = smooth_picture(1)
    Image.fromarray(picture[..., 0]).save(folder / "grey.png")
    Image.fromarray(picture[..., 0].astype(np.uint16) * 257).save(folder / "deep.png")
    Image.fromarray(np.dstack([picture, picture[..., :1]])).save(folder / "clear.png")
    Image.fromarray(picture[:1, :1]).save(folder / "one.png")
    Image.fromarray(picture).save(folder / "写真 é.webp")
    assert main(["browse", str(folder), "--not-show", "--output-dir", str(tmp_path / "out")]) == 0
    assert len(list((tmp_path / "out").iterdir())) == 6


def test_skip_type_leaves_a_transform_out(photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    root = photos(classes=1, each=1)
    assert browse(root, "--output-dir", tmp_path / "a", "--skip-type", "ColorJitter", "--work-dir", tmp_path / "W") == 0
    assert browse(root, "--output-dir", tmp_path / "b", "--skip-type", "ColourJitter") == 1
    assert "ColorJitter" in capsys.readouterr().err


def test_without_a_display_something_must_be_kept(
    photos: Photos, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert browse(photos()) == 1
    assert "--output-dir" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["train_dataloader.dataset.data_root=/nowhere"], "/nowhere"),
        (["train_dataloader.dataset.pipeline.1.type=MultiVew"], "MultiView"),
        (["train_dataloader.dataset.type=ImageNette"], "ImageNet"),
    ],
)
def test_bad_configs_get_one_sentence(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    command = [
        "browse",
        CONFIGS["simsiam"],
        "--not-show",
        "--output-dir",
        str(tmp_path / "o"),
        "--cfg-options",
        *options,
    ]
    assert main(command) == 1
    told = capsys.readouterr().err.strip()
    assert words in told
    assert len(told.splitlines()) == 1


def test_a_file_in_the_way_of_the_folder(photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    assert browse(photos(), "--output-dir", tmp_path / "file" / "out") == 1
    assert "choose another path" in capsys.readouterr().err


def test_config_alone_lists_names_that_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["config"]) == 0
    listed = capsys.readouterr().out.split()
    assert set(CONFIGS.values()) < set(listed)
    assert not [name for name in listed if "_base_" in name or not find_config(name).is_file()]
    assert main(["config", "--cfg-options", "a=1"]) == 1


def test_config_prints_what_reads_back(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["config", CONFIGS["simmim"], "--cfg-options", "model.head.patch_size=8"]) == 0
    (tmp_path / "merged.py").write_text(capsys.readouterr().out, encoding="utf-8")
    assert load_config(tmp_path / "merged.py") == load_config(CONFIGS["simmim"], {"model.head.patch_size": 8})


def test_a_misspelt_flag_names_the_nearest(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["browse", "c.py", "--output-dri", "x"])
    assert "--output-dir" in capsys.readouterr().err


def test_version_and_help(capsys: pytest.CaptureFixture) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("selfscope 0.")
    with pytest.raises(SystemExit, match="0"):
        main([])
    assert "reconstruct" in capsys.readouterr().out


DOORS = ["analysis_tools/browse_dataset", "analysis_tools/visualize_tsne", "analysis_tools/visualize_reconstruction"]


@pytest.mark.parametrize(
    "door", ["misc/browse_dataset", *(pytest.param(door, marks=pytest.mark.slow) for door in DOORS)]
)
def test_the_doors_open(door: str) -> None:
    done = subprocess.run(
        [sys.executable, f"tools/{door}.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--cfg-options" in done.stdout
