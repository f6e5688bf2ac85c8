from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from selfscope.errors import RunError
from selfscope.store.reader import open_run
from tests.visualization.fakes import Remembering, build


def test_close_is_idempotent_and_final():
    fake = Remembering()
    vis = build(fake)
    vis.add_scalar("a", 1.0)
    vis.close()
    vis.close()
    assert (fake.closed, fake.steps) == (1, [0])
    with pytest.raises(RunError, match="this visualizer is closed"):
        vis.add_scalar("a", 1.0)


def test_a_block_that_raises_ends_the_run_as_failed(tmp_path):
    with pytest.raises(ZeroDivisionError), build(save_dir=tmp_path):
        raise ZeroDivisionError
    assert open_run(tmp_path).status == "failed"


def test_flush_says_when_a_backend_is_late():
    release = threading.Event()
    vis = build(Remembering(lambda record: release.wait(30) and None))
    vis.add_scalar("a", 1.0)
    assert not vis.flush(0.05)
    release.set()
    assert vis.flush(10)
    vis.close()


def test_without_close_the_end_of_the_program_hands_over_everything(tmp_path):
    code = (
        "from selfscope import Visualizer\n"
        f"vis = Visualizer(vis_backends=[dict(type='LocalVisBackend')], save_dir={str(tmp_path)!r})\n"
        "for step in range(1000): vis.add_scalar('loss', 1.0, step)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert len(open_run(tmp_path).scalars("loss")) == 1000
    assert open_run(tmp_path).status == "finished"


@pytest.mark.slow
def test_the_local_run_is_waited_for_as_long_as_it_gets_on(tmp_path, monkeypatch):
    from selfscope.store import writer

    def slowly(run, record, store=writer.STORES["text"]):
        time.sleep(0.02)
        store(run, record)

    monkeypatch.setitem(writer.STORES, "text", slowly)
    vis = build(save_dir=tmp_path)
    for step in range(40):
        vis.add_text("n", "words", step)
    vis.close(timeout=0.3)
    assert len(open_run(tmp_path).texts) == 40
    assert open_run(tmp_path).status == "finished"


INTERRUPTED = """
import os, signal, sys, threading, time
from selfscope import Visualizer
from selfscope.store import writer
from tests.visualization.fakes import Remembering

def slowly(run, record, store=writer.STORES["text"]):
    time.sleep(0.02)
    store(run, record)

writer.STORES["text"] = slowly
stuck = Remembering(lambda record: time.sleep(60))
vis = Visualizer(vis_backends=[dict(type="LocalVisBackend"), stuck], save_dir=sys.argv[1])
for step in range(60):
    vis.add_text("n", "words", step)
for after in eval(sys.argv[2]):
    threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT)).start()
vis.close()
"""


@pytest.mark.slow
@pytest.mark.parametrize("moments", ["[0.2]", "[0.2, 0.5]"])
def test_an_interrupt_while_closing_keeps_the_records_and_says_so(tmp_path, moments):
    program = [sys.executable, "-c", INTERRUPTED, str(tmp_path), moments]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "KeyboardInterrupt" in done.stderr
    assert "writer is closed" not in done.stderr
    assert "not handed over (closing was interrupted): they are in" in done.stderr
    run = open_run(tmp_path)
    assert (len(run.texts), run.status) == (60, "interrupted")


def test_a_run_that_stands_still_is_given_up_when_closing_is_interrupted(tmp_path, monkeypatch, caplog):
    from selfscope.store import writer
    from selfscope.visualization import fanout

    release = threading.Event()

    def stuck(run, record):
        release.wait(30)

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setitem(writer.STORES, "text", stuck)
    monkeypatch.setattr(fanout, "CUT_SHORT", 0.1)
    monkeypatch.setattr(fanout, "CLOSE_RUN", 0.1)
    vis = build(save_dir=tmp_path)
    for step in range(3):
        vis.add_text("n", "words", step)
    monkeypatch.setattr(fanout.FanOut, "_hand_over_the_rest", interrupt)
    started = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        vis.close()
    assert time.perf_counter() - started < 5
    assert "3 records were not handed over (closing was interrupted)" in caplog.text
    release.set()
    vis.close()
