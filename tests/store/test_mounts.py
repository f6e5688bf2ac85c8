"""File systems that are full, or read-only: small ones of their own, which only root may mount."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from selfscope.errors import RunError
from selfscope.store.reader import open_run
from selfscope.store.writer import Writer
from selfscope.visualization.visualizer import Visualizer

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0, reason="only root mounts a file system"
)
NOISE = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)


@pytest.fixture
def disk(tmp_path):
    """An empty file system of 256 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path) -> Path:
    """A file that takes all that is left."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            return path
    raise AssertionError("the disk never became full")


@pytest.mark.slow
def test_a_disk_that_was_full_for_a_while_has_everything_in_the_end(disk, caplog):
    vis = Visualizer(vis_backends={"type": "LocalVisBackend"}, save_dir=disk / "run")
    vis.add_scalar("loss", -1.0, 0)
    assert vis.flush()
    filler = fill(disk)
    for step in range(1, 500):
        vis.add_scalars({"loss": float(step)}, step)
    vis.add_image("p", NOISE)
    time.sleep(1.2)
    assert "No space left on device" in caplog.text
    filler.unlink()
    vis.close()
    run = open_run(disk / "run")
    np.testing.assert_array_equal(run.scalars("loss").value, [-1.0, *range(1, 500)])
    assert (len(run.pictures), run.status, run.problems) == (1, "finished", ())


@pytest.mark.slow
def test_a_disk_that_stays_full_costs_what_did_not_fit_and_says_so(disk, caplog):
    vis = Visualizer(vis_backends={"type": "LocalVisBackend"}, save_dir=disk / "run")
    vis.add_scalar("loss", 1.0, 0)
    assert vis.flush()
    for step in range(12):
        vis.add_image("p", NOISE, step)
    vis.close(timeout=2)
    assert "No space left on device" in caplog.text
    assert "not handed over" in caplog.text
    run = open_run(disk / "run")
    assert run.scalars("loss").value.tolist() == [1.0]
    kept = [entry.load().pixels for entry in run.pictures]
    assert 1 <= len(kept) < 12
    assert all(np.array_equal(pixels, NOISE) for pixels in kept)


def test_a_read_only_file_system_is_one_sentence(disk):
    with Writer(disk / "run"):
        pass
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(RunError, match="Read-only file system"):
        Writer(disk / "run")
    with pytest.raises(RunError, match="Read-only file system"):
        Visualizer(vis_backends={"type": "LocalVisBackend"}, save_dir=disk / "another")
