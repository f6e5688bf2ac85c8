"""The t-SNE job from its command line, on real files with small models."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
import torch

from selfscope.cli import main
from selfscope.store.reader import open_run

SMALL = {
    "resnet50_imagenet": ["model.backbone.depth=18"],
    "vit-base-p16_imagenet": ["model.backbone.arch=deit-tiny"],
    "swin-base_imagenet": ["model.backbone.arch=tiny", "model.backbone.stage_cfgs.block_cfgs.window_size=2"],
}
PIPELINE = [
    "extract_dataloader.dataset.pipeline.1.scale=72",
    "extract_dataloader.dataset.pipeline.2.crop_size=64",
    "extract_dataloader.num_workers=0",
]
Photos = Callable[..., Path]


def run(root: Path, work: Path, *flags: str, config: str = "resnet50_imagenet", batch: int = 5) -> Path:
    """Runs the command in this process and gives the folder that it made."""
    before = set(work.glob("tsne_*"))
    options = [
        f"extract_dataloader.dataset.data_root={root}",
        "extract_dataloader.dataset.ann_file=val.txt",
        'extract_dataloader.dataset.data_prefix=""',
        f"extract_dataloader.batch_size={batch}",
        *PIPELINE,
        *SMALL[config],
    ]
    code = main(
        [
            "tsne",
            f"configs/tsne/{config}.py",
            "--work-dir",
            str(work),
            *([] if "pca" in flags else ["--n-iter", "250"]),
            *flags,
            "--cfg-options",
            *options,
        ]
    )
    assert code == 0
    (made,) = set(work.glob("tsne_*")) - before
    return made


@pytest.mark.parametrize("config", [c if "resnet" in c else pytest.param(c, marks=pytest.mark.slow) for c in SMALL])
def test_every_config_maps_a_folder(config: str, photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Eleven images in batches of five leave one in the last."""
    root = photos(classes=3, each=4)
    (root / "n00000002_kind 2" / "3.jpg").unlink()
    made = run(root, tmp_path / "W", config=config)
    (features,) = (made / "features").glob("feat_*.npy")
    assert np.load(features).shape[0] == 11
    np.testing.assert_array_equal(np.load(made / "labels.npy"), [0] * 4 + [1] * 4 + [2] * 3)
    table = parquet.read_table(made / "embeddings" / features.stem / "embedding.parquet").to_pydict()
    assert table["label_name"] == ["kind 0"] * 4 + ["kind 1"] * 4 + ["kind 2"] * 3
    assert (made / "saved_pictures" / f"{features.stem}.png").exists()
    told = capsys.readouterr()
    assert "untrained" in told.out
    assert "1 image could not be read" in told.err
    assert "3.jpg" in told.err


@pytest.mark.parametrize(
    ("stage", "name"), [("neck", "feat_neck"), pytest.param("pre_logits", "feat_pre_logits", marks=pytest.mark.slow)]
)
def test_every_stage(stage: str, name: str, photos: Photos, tmp_path: Path) -> None:
    made = run(photos(classes=2, each=3), tmp_path / "W", "--vis-stage", stage)
    assert np.load(made / "features" / f"{name}.npy").shape == (6, 512)


@pytest.mark.slow
def test_a_vit_without_a_neck_says_so(photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    made = run(photos(classes=1, each=3), tmp_path / "W", "--vis-stage", "neck", config="vit-base-p16_imagenet")
    assert np.load(made / "features" / "feat_neck.npy").shape == (3, 192)
    assert "no neck" in capsys.readouterr().out


@pytest.mark.slow
def test_one_seed_gives_the_same_bytes(photos: Photos, tmp_path: Path) -> None:
    root = photos(classes=3, each=4)
    first, second = (run(root, tmp_path / name, "--no-cache") for name in "AB")
    for name in ("features/feat_3.npy", "embeddings/feat_3/embedding.parquet", "labels.npy"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


@pytest.mark.slow
def test_batches_and_workers_change_nothing(photos: Photos, tmp_path: Path) -> None:
    root = photos(classes=2, each=4)
    one = run(root, tmp_path / "A", batch=8)
    other = run(root, tmp_path / "B", "--workers", "2", "--no-cache", "--batch-size", "3")
    np.testing.assert_allclose(*(np.load(r / "features" / "feat_3.npy") for r in (one, other)), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_a_checkpoint_of_an_ssl_model_has_its_heads_set_aside(
    photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    from selfscope.views.load import load

    model = load("configs/tsne/resnet50_imagenet.py", options=SMALL["resnet50_imagenet"], seed=7).module
    backbone = {f"backbone.{k}": v for k, v in model.backbone.state_dict().items()}
    heads = {"neck.fc0.weight": torch.zeros(4, 4), "head.predictor.fc.bias": torch.zeros(4)}
    momentum = {f"encoder_k.0.{k}": torch.zeros_like(v) for k, v in model.backbone.state_dict().items()}
    torch.save({"state_dict": {**backbone, **heads, **momentum}, "meta": {}}, tmp_path / "ssl.pth")
    made = run(photos(), tmp_path / "W", "--checkpoint", str(tmp_path / "ssl.pth"))
    told = capsys.readouterr().out
    assert "set aside" in told
    assert "untrained" not in told
    fresh = run(photos(), tmp_path / "V", "--seed", "7")
    np.testing.assert_allclose(*(np.load(r / "features" / "feat_3.npy") for r in (made, fresh)), atol=1e-6)


def test_one_image_and_no_labels(photos: Photos, tmp_path: Path) -> None:
    root = photos(classes=1, each=1)
    (root / "val.txt").write_text("n00000000_kind 0/0.jpg\n", encoding="utf-8")
    made = run(root, tmp_path / "W")
    assert not (made / "labels.npy").exists()
    table = parquet.read_table(made / "embeddings" / "feat_3" / "embedding.parquet").to_pydict()
    assert len(table["x"]) == 1


@pytest.mark.slow
def test_the_run_reads_back(photos: Photos, tmp_path: Path) -> None:
    reader = open_run(run(photos(), tmp_path / "W", "--method", "pca"))
    assert reader.status == "finished"
    assert list(reader.embeddings) == ["feat_3"]


def test_features_from_a_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "mine.npy", rng.normal(size=(30, 8)))
    np.save(tmp_path / "labels.npy", np.arange(30) % 3)
    assert (
        main(["tsne", "--features", str(tmp_path / "mine.npy"), "--work-dir", str(tmp_path / "W"), "--n-iter", "250"])
        == 0
    )
    (made,) = (tmp_path / "W").iterdir()
    assert (made / "saved_pictures" / "mine.png").exists()


REFUSALS = [
    ([], ["extract_dataloader.dataset.data_root=/nowhere"], "/nowhere"),
    ([], ["extract_dataloader.dataset.ann_file=", "extract_dataloader.dataset.data_prefix=empty"], "empty"),
    ([], ["extract_dataloader.dataset.classes=missing.txt"], "missing.txt"),
    (["--checkpoint", "missing.pth"], [], "missing.pth"),
    (["--n-iter", "0"], [], "at least 1"),
    (["--device", "cuda:77"], [], "cuda:77"),
    (["--class-idx", "99"], [], "99"),
    (["--perplexity", "-1"], [], "perplexity"),
    (["--seed", "-1"], [], "seed: expected at least 0, got -1"),
    (["--method", "pca", "--seed", "-1"], [], "seed: expected at least 0"),
    ([], ["model.backbone.type=ResNett"], "ResNet"),
    ([], ["model.backbone.depht=18"], "depth"),
]


@pytest.mark.parametrize(("flags", "options", "words"), REFUSALS, ids=[words for *_, words in REFUSALS])
def test_bad_input_gets_one_sentence_before_any_folder_is_made(
    flags: list[str], options: list[str], words: str, photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    root = photos(classes=2, each=2)
    (root / "empty").mkdir()
    base = [f"extract_dataloader.dataset.data_root={root}", "extract_dataloader.dataset.ann_file=val.txt"]
    base += ['extract_dataloader.dataset.data_prefix=""', *PIPELINE, *SMALL["resnet50_imagenet"], *options]
    command = ["tsne", "configs/tsne/resnet50_imagenet.py", "--work-dir", str(tmp_path / "W"), *flags]
    assert main([*command, "--cfg-options", *base]) == 1
    told = capsys.readouterr().err.strip()
    assert words in told
    assert len(told.splitlines()) == 1
    assert not (tmp_path / "W").exists()


@pytest.mark.parametrize("name", ["text.npy", "folder", "archive.npz", "missing.npy", "flat.npy"])
def test_features_that_are_none_make_no_run(name: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "text.npy").write_text("not numpy")
    (tmp_path / "folder").mkdir()
    np.savez(tmp_path / "archive.npz", np.eye(3))
    np.save(tmp_path / "flat.npy", np.ones(5))
    assert main(["tsne", "--features", str(tmp_path / name), "--work-dir", str(tmp_path / "W")]) == 1
    told = capsys.readouterr().err.strip()
    assert name in told
    assert ("got float64 (5,)" in told) == (name == "flat.npy")
    assert len(told.splitlines()) == 1
    assert not (tmp_path / "W").exists()


def test_a_config_sends_nothing_away_unless_trusted(
    photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    config = tmp_path / "mine.py"
    base = Path("configs/tsne/resnet50_imagenet.py").resolve()
    away = dict(type="WandbVisBackend", init_kwargs=dict(entity="them"))
    backends = [away, dict(type="LocalVisBackend", save_dir="/x")]
    visualizer = dict(type="SelfSupVisualizer", vis_backends=backends)
    config.write_text(f"_base_ = [{str(base)!r}]\nvisualizer = {visualizer!r}\n", encoding="utf-8")
    options = [f"extract_dataloader.dataset.data_root={photos()}", "extract_dataloader.dataset.ann_file=val.txt"]
    options += ['extract_dataloader.dataset.data_prefix=""', *PIPELINE, *SMALL["resnet50_imagenet"]]
    command = ["tsne", str(config), "--work-dir", str(tmp_path / "W"), "--method", "pca", "--seed", "6"]
    assert main([*command, "--cfg-options", *options]) == 0
    told = capsys.readouterr().err
    assert "is not used: init_kwargs.entity would decide where the run goes" in told
    assert "save_dir='/x'" in told
    (made,) = (tmp_path / "W").iterdir()
    assert not list(made.rglob("*wandb*"))
    run = open_run(made)
    assert (run.status, run.info["seed"]) == ("finished", 6)


def test_no_permission_is_one_sentence(
    photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    np.save(tmp_path / "mine.npy", np.eye(5))
    monkeypatch.setattr(Path, "mkdir", refuse)
    assert main(["tsne", "--features", str(tmp_path / "mine.npy"), "--work-dir", str(tmp_path / "W")]) == 1
    assert "no permission" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_stops_cleanly(photos: Photos, tmp_path: Path) -> None:
    root = photos(classes=3, each=200)
    options = [f"extract_dataloader.dataset.data_root={root}", "extract_dataloader.dataset.ann_file=val.txt"]
    options += ['extract_dataloader.dataset.data_prefix=""', "extract_dataloader.num_workers=0"]
    command = [sys.executable, "-m", "selfscope", "tsne", "configs/tsne/resnet50_imagenet.py", "--device", "cpu"]
    process = subprocess.Popen(
        [*command, "--work-dir", str(tmp_path / "W"), "--cfg-options", *options], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("W/tsne_*/run.json")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped" in told
    assert "Traceback" not in told
    (made,) = (tmp_path / "W").iterdir()
    assert open_run(made).status == "interrupted"
