from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from selfscope.errors import MissingExtraError
from selfscope.records import Record
from selfscope.store.reader import open_run
from selfscope.visualization import log as log_module
from tests.visualization.fakes import Direct, Remembering, build, fail


def test_all_backends_get_everything_in_order(tmp_path):
    fakes = [Remembering() for _ in range(3)]
    with build(*fakes, save_dir=tmp_path) as vis:
        for step in range(500):
            vis.add_scalars({"loss": float(step)}, step)
            if step % 100 == 0:
                vis.add_image("p", np.full((4, 5, 3), step % 256, np.uint8), step)
    for fake in fakes:
        assert [r.step for r in fake.records if r.kind == "scalars"] == list(range(500))
        assert [int(r.pixels[0, 0, 0]) for r in fake.records if r.kind == "picture"] == [0, 100, 200, 44, 144]
        assert (fake.closed, fake.set_up, len(fake.threads)) == (1, 1, 1)
    run = open_run(tmp_path)
    np.testing.assert_array_equal(run.scalars("loss").step, np.arange(500))
    assert [entry.step for entry in run.pictures] == [0, 100, 200, 300, 400]


def test_a_backend_that_always_raises_costs_one_warning_and_a_count(tmp_path, caplog, quick):
    good, bad = Remembering(), Remembering(fail)
    with build(good, bad, save_dir=tmp_path) as vis:
        for step in range(100):
            vis.add_scalar("loss", 1.0, step)
    assert good.steps == list(range(100))
    assert len(open_run(tmp_path).scalars("loss")) == 100
    messages = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert messages == [
        "b: ConnectionError: the tracker is down; it is tried again, the others go on",
        f"b: 100 records were not handed over (ConnectionError: the tracker is down): they are in {tmp_path}",
    ]
    assert bad.closed == 1


@pytest.mark.slow
def test_a_backend_that_hangs_costs_the_others_nothing_and_close_ends_in_time(tmp_path, caplog):
    release = threading.Event()
    good, hanging = Remembering(), Remembering(lambda record: release.wait(30) and None)
    vis = build(good, hanging, save_dir=tmp_path)
    longest = 0.0
    for step in range(200):
        started = time.perf_counter()
        vis.add_scalar("loss", 1.0, step)
        longest = max(longest, time.perf_counter() - started)
        time.sleep(0.001)
    started = time.perf_counter()
    vis.close(timeout=1.0)
    assert time.perf_counter() - started < 1.5
    assert longest < 0.5
    assert good.steps == list(range(200))
    assert good.closed == 1
    assert open_run(tmp_path).status == "finished"
    assert "b: 200 records were not handed over (it did not end within 1 s)" in caplog.text
    release.set()


def test_one_record_that_a_backend_cannot_take_does_not_hold_up_the_rest(tmp_path, caplog, quick):
    picky = Remembering(lambda record: fail(record) if record.step == 3 else None)
    with build(picky, save_dir=tmp_path) as vis:
        for step in range(10):
            vis.add_scalar("loss", 1.0, step)
        assert vis.flush(10)
    assert picky.steps == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert "a: 1 record was not handed over" in caplog.text


def test_a_backend_of_the_callers_thread_gets_records_at_once_and_may_raise():
    direct = Direct()
    vis = build(direct)
    vis.add_scalar("loss", 1.0, 1)
    assert direct.threads == {threading.current_thread().name}
    direct.before = fail
    with pytest.raises(ConnectionError):
        vis.add_scalar("loss", 1.0, 2)
    vis.close()
    assert direct.closed == 1


def test_a_tracker_that_is_down_at_the_start_is_set_up_later(caplog, quick):
    class Late(Remembering):
        def _init_env(self):
            super()._init_env()
            if self.set_up < 3:
                raise ConnectionError("no network")

    late = Late()
    with build(late) as vis:
        vis.add_scalar("a", 1.0)
        assert vis.flush(10)
    assert (late.set_up, late.steps) == (3, [0])
    assert "a: could not be set up yet: ConnectionError: no network" in caplog.text


def test_what_the_user_can_mend_is_raised_at_once():
    class Missing(Remembering):
        def _init_env(self):
            raise MissingExtraError("wandb", "wandb", "WandbVisBackend")

    with pytest.raises(MissingExtraError, match=r'pip install "selfscope\[wandb\]"'):
        build(Missing())


@pytest.mark.parametrize("seed", range(4))
def test_under_stress_every_backend_has_everything_once_and_in_order(tmp_path, monkeypatch, quick, seed):
    """Several callers, small bounds, backends that dawdle and fail: the run and each backend hold the same records."""
    monkeypatch.setattr(log_module, "KEPT_TWICE", 3_000)
    monkeypatch.setattr(log_module, "LIMIT", 50_000)
    rng = np.random.default_rng(seed)
    moods = rng.random((3, 4000))

    def moody(number: int):
        calls = iter(range(10**9))

        def before(record: Record) -> None:
            mood = moods[number, next(calls) % 4000]
            if mood < 0.02:
                raise ConnectionError("now and then")
            if mood > 0.98:
                time.sleep(0.005)

        return before

    fakes = [Remembering(moody(number)) for number in range(3)]
    with build(*fakes, save_dir=tmp_path) as vis:

        def call(caller: int) -> None:
            for step in range(200):
                vis.add_scalars({f"caller {caller}": float(step)}, step)
                if step % 40 == 0:
                    vis.add_image(f"p{caller}", np.full((6, 6, 3), caller, np.uint8), step)

        callers = [threading.Thread(target=call, args=(caller,)) for caller in range(3)]
        for thread in callers:
            thread.start()
        for thread in callers:
            thread.join()
        assert vis.flush(30)
    run = open_run(tmp_path)
    for caller in range(3):
        np.testing.assert_array_equal(run.scalars(f"caller {caller}").step, np.arange(200))
    assert len(run.pictures) == 15
    for fake in fakes:
        for caller in range(3):
            steps = [r.step for r in fake.records if r.kind == "scalars" and f"caller {caller}" in r.values]
            assert steps == list(range(200))
        pictures = {(r.key, r.step): int(r.pixels.max()) for r in fake.records if r.kind == "picture"}
        assert pictures == {(f"p{c}", s): c for c in range(3) for s in range(0, 200, 40)}


FULL_DISK = """
import resource, sys, time
import numpy as np
from selfscope import Visualizer
vis = Visualizer(vis_backends=[dict(type="LocalVisBackend")], save_dir=sys.argv[1])
vis.flush()
picture = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
for step in range(1000):
    vis.add_scalars({"loss": float(step)}, step)
vis.add_image("p", picture)
time.sleep(1.5)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
vis.close()
"""


@pytest.mark.slow
def test_a_disk_that_is_full_for_a_while_loses_nothing(tmp_path):
    pytest.importorskip("resource")
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.count("File too large") == 2, done.stderr  # once for the lines, once for the picture
    run = open_run(tmp_path)
    np.testing.assert_array_equal(run.scalars("loss").value, np.arange(1000))
    assert (len(run.pictures), run.status, run.problems) == (1, "finished", ())
