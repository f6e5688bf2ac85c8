from __future__ import annotations

import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from selfscope.records import Picture, Scalars, Text
from selfscope.store.position import read_cursor
from selfscope.store.reader import open_run
from selfscope.visualization import log as log_module
from selfscope.visualization.visualizer import Visualizer
from tests.visualization.fakes import LOCAL, Remembering, build, fail


@pytest.mark.slow
def test_an_outage_loses_nothing(tmp_path, quick):
    down = threading.Event()
    down.set()
    flaky = Remembering(lambda record: fail(record) if down.is_set() else None)
    with build(flaky, save_dir=tmp_path) as vis:
        for step in range(20):
            vis.add_scalar("loss", 1.0, step)
        time.sleep(0.4)
        assert flaky.records == []
        down.clear()
        assert vis.flush(10)
        assert sorted(flaky.steps) == list(range(20))


def test_what_leaves_the_log_is_read_from_the_run(tmp_path, monkeypatch, quick):
    monkeypatch.setattr(log_module, "KEPT_TWICE", 5_000)
    start = threading.Event()
    slow, prompt = Remembering(lambda record: start.wait(30) and None), Remembering()
    with build(slow, prompt, save_dir=tmp_path) as vis:
        for step in range(300):
            vis.add_scalars({"loss": step / 7, "bad": float("nan")}, step)
            if step % 50 == 0:
                vis.add_image("p", np.full((3, 3, 3), step % 256, np.uint8), step, caption="cap")
                vis.add_text("t", f"step {step}", step)
            if step % 20 == 0:
                time.sleep(0.02)
        start.set()
        assert vis.flush(20)
    assert [describe(r) for r in slow.records] == [describe(r) for r in prompt.records]


def describe(record) -> tuple:
    if isinstance(record, Scalars):
        return "scalars", record.step, {tag: repr(value) for tag, value in record.values.items()}
    if isinstance(record, Picture):
        return "picture", record.step, record.key, record.caption, record.pixels.tobytes()
    assert isinstance(record, Text)
    return "text", record.step, record.key, record.text


def test_without_a_local_run_what_leaves_the_log_is_counted(monkeypatch, caplog, quick):
    monkeypatch.setattr(log_module, "LIMIT", 10_000)
    monkeypatch.setattr(log_module, "PATIENCE", 0.0)
    release = threading.Event()
    hanging = Remembering(lambda record: release.wait(30) and None)
    vis = build(hanging)
    for step in range(1000):
        vis.add_scalar("loss", 1.0, step)
    release.set()
    vis.close()
    assert 0 < len(hanging.records) < 100
    assert f"a: {1000 - len(hanging.records)} records were not handed over" in caplog.text


def test_a_full_log_waits_for_a_backend_that_works(monkeypatch, quick):
    monkeypatch.setattr(log_module, "LIMIT", 10_000)
    steady = Remembering(lambda record: time.sleep(0.001))
    with build(steady) as vis:
        for step in range(300):
            vis.add_scalar("loss", 1.0, step)
    assert steady.steps == list(range(300))


@pytest.mark.slow
def test_the_next_session_sends_what_the_last_one_could_not(tmp_path, quick, caplog):
    with build(Remembering(fail), save_dir=tmp_path) as vis:
        vis.add_scalar("loss", 1.0, 1)
        vis.add_image("p", np.zeros((2, 2, 3), np.uint8), 1)
    back = Remembering()
    with build(back, save_dir=tmp_path) as vis:
        vis.add_scalar("loss", 2.0, 2)
        assert vis.flush(10)
    assert [(r.kind, r.step) for r in back.records] == [("scalars", 1), ("picture", 1), ("scalars", 2)]
    run = open_run(tmp_path)
    again = Remembering()
    with build(again, save_dir=tmp_path) as vis:
        vis.add_scalar("loss", 3.0, 3)
    assert again.steps == [3]
    assert read_cursor(tmp_path, "a").scalars == (run.data / "scalars.json").stat().st_size


KILLED = """
import sys, time
from selfscope import Visualizer
vis = Visualizer(vis_backends=[dict(type="LocalVisBackend"), dict(type="TensorboardVisBackend")], save_dir=sys.argv[1])
print("ready", flush=True)
for step in range(10**9):
    vis.add_scalar("loss", float(step), step)
    time.sleep(0.001)
"""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.slow
def test_after_a_kill_the_next_session_sends_what_the_tracker_held_in_memory(tmp_path):
    pytest.importorskip("tensorboard")
    from tests.visualization.test_tensorboard import read

    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.readline()
        time.sleep(2.5)
        program.kill()
    before = open_run(tmp_path).scalars("loss").step
    with Visualizer(vis_backends=[LOCAL, {"type": "TensorboardVisBackend"}], save_dir=tmp_path):
        pass
    there = {event.step for event in read(tmp_path / "vis_data").Scalars("loss")}
    assert len(before) > 500
    assert set(before.tolist()) <= there
