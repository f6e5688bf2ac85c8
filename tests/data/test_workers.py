"""Processes that read pictures are gone when whoever began them is, however that one ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"),
]
PIPELINE = [
    {"type": "LoadImageFromFile"},
    {"type": "Resize", "scale": (8, 8)},
    {"type": "PackSelfSupInputs", "meta_keys": ["img_path"]},
]
SCRIPT = f"""
import multiprocessing, sys, time
from selfscope.data.dataset import folder_dataset
from selfscope.data.loading import load_batches
from selfscope.training.feed import Feed

dataset = folder_dataset(sys.argv[1], {PIPELINE!r})
one = dict(batch_size=1, workers=1)
batches = Feed(dataset, **one).stream() if sys.argv[2] == "train" else load_batches(dataset, **one)
next(batches)
print(*[child.pid for child in multiprocessing.active_children()], flush=True)
time.sleep(60)
"""


@pytest.fixture
def begun(photos: Callable[..., Path]) -> Iterator[Callable[[str], tuple[subprocess.Popen[str], int]]]:
    """Starts the script; returns its process and the number of its one worker."""
    root, started = photos(classes=1, each=9), []

    def begin(kind: str) -> tuple[subprocess.Popen[str], int]:
        command = [sys.executable, "-c", SCRIPT, str(root), kind]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        started.append(process)
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def is_gone(pid: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("kind", ["train", "look"])
def test_workers_of_a_killed_process_end(begun: Callable, kind: str) -> None:
    process, worker = begun(kind)
    process.kill()
    assert is_gone(worker, 20)


def test_a_signal_to_the_whole_group_leaves_the_workers_of_a_training_to_it(begun: Callable) -> None:
    _, worker = begun("train")
    os.kill(worker, signal.SIGINT)
    os.kill(worker, signal.SIGTERM)
    assert not is_gone(worker, 1)
    asked = 0
    while not is_gone(worker, 1) and asked < 15:  # Python looks at signals when the worker next does, within 5 s
        os.kill(worker, signal.SIGTERM)
        asked += 1
    assert 1 <= asked < 15
