"""The second map of the same features: without torch, from where the first stopped, with others' help."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from selfscope.cli import main
from selfscope.cli.requeue import run_folder
from selfscope.store.cache import cache_folder

Photos = Callable[..., Path]
WITHOUT_TORCH = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "timm", "safetensors"):
            raise ImportError(f"{name} is not for a map of cached features")
sys.meta_path.insert(0, Refuse())
from selfscope.cli import main
sys.exit(main(sys.argv[1:]))
"""


def command(root: Path, work: Path, *flags: str) -> list[str]:
    options = [f"extract_dataloader.dataset.data_root={root}", "extract_dataloader.dataset.ann_file=val.txt"]
    options += ['extract_dataloader.dataset.data_prefix=""', "model.backbone.depth=18"]
    options += ["extract_dataloader.dataset.pipeline.1.scale=32", "extract_dataloader.dataset.pipeline.2.crop_size=32"]
    start = ["tsne", "configs/tsne/resnet50_imagenet.py", "--device", "cpu", "--work-dir", str(work)]
    return [*start, *flags, "--cfg-options", *options]


def made(work: Path) -> Path:
    return max(work.glob("tsne_*"), key=lambda path: path.stat().st_mtime)


def features(work: Path) -> bytes:
    return (made(work) / "features" / "feat_3.npy").read_bytes()


@pytest.mark.slow
def test_a_second_map_needs_no_torch(photos: Photos, tmp_path: Path) -> None:
    root = photos(classes=3, each=5)
    assert main(command(root, tmp_path / "A")) == 0
    again = command(root, tmp_path / "B", "--perplexity", "2")
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, *again], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "untrained" in done.stdout
    assert "from the cache" in done.stdout
    one, other = (made(tmp_path / name) for name in "AB")
    assert os.path.samefile(one / "features" / "feat_3.npy", other / "features" / "feat_3.npy")
    assert (one / "labels.npy").read_bytes() == (other / "labels.npy").read_bytes()


@pytest.mark.slow
def test_the_cached_map_is_the_map(photos: Photos, tmp_path: Path) -> None:
    """Features and neighbours from the cache, from its first filling, and without it: the same bytes."""
    root = photos(classes=3, each=5)
    for name, flags in (("A", []), ("B", []), ("C", ["--no-cache"])):
        assert main(command(root, tmp_path / name, *flags)) == 0
    tables = [(made(tmp_path / n) / "embeddings" / "feat_3" / "embedding.parquet").read_bytes() for n in "ABC"]
    assert tables[0] == tables[1] == tables[2]
    assert list(cache_folder().glob("features/*/graph-*.npz"))


def change_weights(root: Path, flags: list[str]) -> list[str]:
    return [*flags, "--seed", "1"]


def change_picture(root: Path, flags: list[str]) -> list[str]:
    path = next(root.rglob("*.jpg"))
    path.write_bytes(path.read_bytes() + b" ")
    return flags


def change_subset(root: Path, flags: list[str]) -> list[str]:
    return [*flags, "--max-num-class", "2"]


def change_pool(root: Path, flags: list[str]) -> list[str]:
    return [*flags, "--float16"]


@pytest.mark.slow
@pytest.mark.parametrize("change", [change_weights, change_picture, change_subset, change_pool])
def test_features_of_anything_else_are_extracted(
    change: Callable[[Path, list[str]], list[str]], photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    root, flags = photos(classes=3, each=2), ["--method", "pca"]
    assert main(command(root, tmp_path / "A", *flags)) == 0
    assert main(command(root, tmp_path / "B", *change(root, flags))) == 0
    assert "from the cache" not in capsys.readouterr().out
    assert len(list(cache_folder().glob("features/*"))) == 2


@pytest.mark.slow
def test_other_labels_of_the_same_images_take_the_same_features(
    photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    root = photos(classes=2, each=2)
    assert main(command(root, tmp_path / "A", "--method", "pca")) == 0
    listed = (root / "val.txt").read_text(encoding="utf-8")
    (root / "val.txt").write_text(listed.replace(" 1\n", " 0\n"), encoding="utf-8")
    assert main(command(root, tmp_path / "B", "--method", "pca")) == 0
    assert "from the cache" in capsys.readouterr().out
    np.testing.assert_array_equal(np.load(made(tmp_path / "B") / "labels.npy"), [0, 0, 0, 1])


@pytest.mark.slow
def test_a_damaged_cache_is_said_and_made_again(photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    root = photos(classes=2, each=2)
    assert main(command(root, tmp_path / "A", "--method", "pca")) == 0
    (kept,) = cache_folder().glob("features/*/feat_3.npy")
    good = kept.read_bytes()
    kept.write_bytes(good[:-1] + b"!")
    assert main(command(root, tmp_path / "B", "--method", "pca")) == 0
    told = capsys.readouterr()
    assert "are not what was written: it is not used, and made again" in told.err
    assert "from the cache" not in told.out
    assert features(tmp_path / "B") == kept.read_bytes() == good


@pytest.mark.slow
def test_a_damaged_graph_is_found_again(photos: Photos, tmp_path: Path) -> None:
    root = photos(classes=3, each=3)
    assert main(command(root, tmp_path / "A")) == 0
    (graph,) = cache_folder().glob("features/*/graph-*.npz")
    good = graph.read_bytes()
    graph.write_bytes(good[: len(good) // 2])
    assert main(command(root, tmp_path / "B")) == 0
    assert graph.read_bytes() == good
    assert "the neighbour graph is damaged" in (made(tmp_path / "B") / "extract.log").read_text(encoding="utf-8")


@pytest.mark.slow
def test_no_cache_leaves_none(photos: Photos, tmp_path: Path) -> None:
    assert main(command(photos(classes=2, each=2), tmp_path / "A", "--method", "pca", "--no-cache")) == 0
    assert not list(cache_folder().glob("features/*"))
    assert np.load(made(tmp_path / "A") / "features" / "feat_3.npy").shape == (4, 512)


@pytest.mark.slow
def test_the_cache_is_shown_and_cleared(photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    root = photos(classes=2, each=2)
    assert main(command(root, tmp_path / "A", "--method", "pca")) == 0
    before = features(tmp_path / "A")
    capsys.readouterr()
    assert main(["cache"]) == 0
    assert "1 set of features" in capsys.readouterr().out
    assert main(["cache", "--clear", "--unused-for", "1"]) == 0
    assert "removed 0 of 1" in capsys.readouterr().out
    assert main(["cache", "--clear"]) == 0
    assert "removed 1 of 1" in capsys.readouterr().out
    assert features(tmp_path / "A") == before


def start(arguments: list[str], **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "selfscope", *arguments]
    return subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL of POSIX")
def test_killed_at_random_and_started_again(photos: Photos, tmp_path: Path) -> None:
    root = photos(classes=4, each=300)
    flags = ["--method", "pca", "--batch-size", "4"]
    seconds = random.Random(os.getpid()).uniform(0.0, 1.5)
    process = start(command(root, tmp_path / "A", *flags))
    deadline = time.monotonic() + 90
    while not list(cache_folder().glob("features/*/shards/*.npz")) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(seconds)
    process.kill()
    process.communicate()
    assert main(command(root, tmp_path / "B", *flags)) == 0
    resumed = features(tmp_path / "B")
    assert main(["cache", "--clear"]) == 0
    assert main(command(root, tmp_path / "C", *flags)) == 0
    assert resumed == features(tmp_path / "C"), f"killed {seconds:.2f} s after the first shard"


@pytest.mark.slow
def test_two_processes_share_the_work(photos: Photos, tmp_path: Path) -> None:
    root = photos(classes=3, each=100)
    flags = ["--method", "pca", "--batch-size", "16"]
    torn = root / "n00000001_kind 1" / "5.jpg"
    torn.write_bytes(b"torn")
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29567", "-m", "selfscope"]
    done = subprocess.run(
        [sys.executable, *launch, *command(root, tmp_path / "A", *flags)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("untrained") == 1
    assert len(list((tmp_path / "A").glob("tsne_*"))) == 1
    assert "5.jpg" in done.stderr
    assert main(command(root, tmp_path / "B", *flags, "--no-cache")) == 0
    one, other = (np.load(made(tmp_path / name) / "features" / "feat_3.npy") for name in "AB")
    assert one.shape == (299, 512)
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_processes_without_a_cache_are_refused(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    assert main(command(photos(classes=1, each=1), tmp_path / "A", "--no-cache")) == 1
    assert "leave --no-cache and --trust-config out" in capsys.readouterr().err
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    assert main(command(photos(classes=1, each=1), tmp_path / "A")) == 1
    assert "start the processes with torchrun" in capsys.readouterr().err


def test_a_requeued_job_finds_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    first, other = run_folder(tmp_path, "tsne_", {"seed": 0}), run_folder(tmp_path, "tsne_", {"seed": 1})
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert run_folder(tmp_path, "tsne_", {"seed": 0}) == first
    assert run_folder(tmp_path, "tsne_", {"seed": 1}) == other
    assert run_folder(tmp_path, "tsne_", {"seed": 2}) not in (first, other)
    monkeypatch.setenv("SLURM_JOB_ID", "18")
    assert run_folder(tmp_path, "tsne_", {"seed": 0}) != first
    monkeypatch.delenv("SLURM_JOB_ID")
    assert run_folder(tmp_path, "tsne_", {"seed": 0}) != first


@pytest.mark.slow
def test_a_requeued_job_writes_into_its_run(photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = photos(classes=2, each=2)
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    for count in "01":
        monkeypatch.setenv("SLURM_RESTART_COUNT", count)
        assert main(command(root, tmp_path / "A", "--method", "pca")) == 0
    assert len(list((tmp_path / "A").glob("tsne_*"))) == 1
    assert np.load(made(tmp_path / "A") / "features" / "feat_3.npy").shape == (4, 512)
