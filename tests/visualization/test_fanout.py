from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest

from selfscope.errors import MissingExtraError, RunError
from selfscope.records import Picture, Record, Scalars, Text
from selfscope.store.position import read_cursor
from selfscope.store.reader import open_run
from selfscope.visualization import log as log_module
from selfscope.visualization import outlet
from selfscope.visualization.visualizer import Visualizer
from tests.visualization.fakes import Direct, Remembering

LOCAL = {"type": "LocalVisBackend"}


@pytest.fixture
def quick(monkeypatch):
    """Waits in milliseconds instead of seconds."""
    monkeypatch.setattr(outlet, "POLL", 0.005)
    monkeypatch.setattr(outlet, "FIRST_WAIT", 0.005)


def build(*backends, save_dir=None) -> Visualizer:
    """A visualizer over the local run, where `save_dir` is given, and backends `a`, `b`, …"""
    named = [{"type": lambda made=backend: made, "name": "abcdef"[i]} for i, backend in enumerate(backends)]
    return Visualizer(vis_backends=[LOCAL, *named] if save_dir else named, save_dir=save_dir)


def fail(record: Record) -> None:
    raise ConnectionError("the tracker is down")


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


def test_one_record_that_a_backend_cannot_take_does_not_hold_up_the_rest(tmp_path, caplog, quick):
    picky = Remembering(lambda record: fail(record) if record.step == 3 else None)
    with build(picky, save_dir=tmp_path) as vis:
        for step in range(10):
            vis.add_scalar("loss", 1.0, step)
        assert vis.flush(10)
    assert picky.steps == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert "a: 1 record was not handed over" in caplog.text


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


def test_records_are_copies_of_what_the_caller_goes_on_changing():
    fake = Remembering()
    image, coords, values = np.zeros((300, 400, 3), np.uint8), np.zeros((4, 2), np.float32), {"a": 1.0}
    columns = {"x": [1, 2]}
    with build(fake) as vis:
        vis.add_image("p", image)
        vis.add_scalars(values)
        vis.add_embedding("e", coords, labels=(labels := np.zeros(4, np.int64)))
        vis.add_table("t", columns)
        image[:], coords[:], labels[:], values["a"] = 9, 9, 9, 9.0
        columns["x"].append(3)
    picture, scalars, embedding, table = fake.records
    assert picture.pixels.max() == 0
    assert scalars.values == {"a": 1.0}
    assert embedding.coords.max() == embedding.labels.max() == 0
    assert table.columns == {"x": [1, 2]}


def test_pictures_that_a_backend_keeps_are_never_written_over():
    fake = Remembering()
    with build(fake) as vis:
        for step in range(200):
            vis.add_image("p", np.full((64, 64, 3), step, np.uint8), step)
            if step % 10 == 0:
                vis.flush()
    assert [int(record.pixels[5, 5, 0]) for record in fake.records] == list(range(200))
    assert [int(record.pixels.min()) for record in fake.records] == list(range(200))


def test_memory_of_pictures_is_used_again():
    from selfscope.visualization.buffers import Buffers

    buffers = Buffers()
    first = buffers.copy(np.ones((40, 50, 3), np.uint8))
    address, part = first.__array_interface__["data"][0], first[::2, 3:]
    del first
    second = buffers.copy(np.full((40, 50, 3), 2, np.uint8))
    assert part.max() == 1
    assert second.__array_interface__["data"][0] != address
    del part
    turned = np.arange(40 * 50 * 3, dtype=np.uint8).reshape(40, 50, 3)[::-1].transpose(1, 0, 2)
    third = buffers.copy(turned)
    assert third.__array_interface__["data"][0] == address
    np.testing.assert_array_equal(third, turned)
    with pytest.raises(ValueError, match="read-only"):
        third[0] = 1


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_is_refused(tmp_path):
    vis = build(Remembering(), save_dir=tmp_path)
    vis.add_scalar("a", 1.0, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        refused = 1
        try:
            vis.add_scalar("a", 1.0, 2)
        except RunError as error:
            refused = 0 if "a forked process cannot write" in str(error) else 2
        vis.close()
        os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    vis.close()
    np.testing.assert_array_equal(open_run(tmp_path).scalars("a").step, [1])


def test_without_close_the_end_of_the_program_hands_over_everything(tmp_path):
    code = (
        "from selfscope import Visualizer\n"
        f"vis = Visualizer(vis_backends=[dict(type='LocalVisBackend')], save_dir={str(tmp_path)!r})\n"
        "for step in range(1000): vis.add_scalar('loss', 1.0, step)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert len(open_run(tmp_path).scalars("loss")) == 1000
    assert open_run(tmp_path).status == "finished"


TWO_RANKS = """
import sys, torch
import torch.distributed as dist
from selfscope import Visualizer
dist.init_process_group("gloo")
vis = Visualizer(vis_backends=[dict(type="LocalVisBackend")], save_dir=sys.argv[1])
for step in range(10):
    value = torch.tensor(float(dist.get_rank()))
    dist.all_reduce(value)
    vis.add_scalars({"sum": value, "rank": dist.get_rank()}, step)
vis.close()
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_of_two_ranks_the_first_writes(tmp_path):
    (tmp_path / "loop.py").write_text(TWO_RANKS)
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "loop.py", "run"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, *command], check=True, cwd=tmp_path, env=environment, capture_output=True)
    run = open_run(tmp_path / "run")
    np.testing.assert_array_equal(run.scalars("rank").value, [0] * 10)
    np.testing.assert_array_equal(run.scalars("sum").value, [1] * 10)
    assert run.status == "finished"


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


def test_a_disk_that_is_full_for_a_while_loses_nothing(tmp_path):
    pytest.importorskip("resource")
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.count("File too large") == 2, done.stderr  # once for the lines, once for the picture
    run = open_run(tmp_path)
    np.testing.assert_array_equal(run.scalars("loss").value, np.arange(1000))
    assert (len(run.pictures), run.status, run.problems) == (1, "finished", ())


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_one_loop_and_every_tracker_at_once(tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    pytest.importorskip("wandb")
    from tests.visualization.test_tensorboard import read
    from tests.visualization.test_wandb import OFFLINE, Offline

    monkeypatch.setenv("WANDB_SILENT", "true")
    backends = [LOCAL, {"type": "TensorboardVisBackend"}, OFFLINE]
    rng = np.random.default_rng(0)
    losses = rng.random(100).astype(np.float32).tolist()
    with Visualizer(vis_backends=backends, save_dir=tmp_path) as vis:
        for step, loss in enumerate(losses):
            vis.add_scalars({"loss": loss}, step)
            if step % 25 == 0:
                vis.add_image("p", np.full((5, 6, 3), step, np.uint8), step)
    run, events, offline = open_run(tmp_path), read(tmp_path / "vis_data"), Offline(tmp_path / "vis_data")
    expected = list(enumerate(losses))
    loss_there = run.scalars("loss")
    assert list(zip(loss_there.step.tolist(), loss_there.value.tolist(), strict=True)) == expected
    assert [(event.step, event.value) for event in events.Scalars("loss")] == expected
    assert offline.series("loss") == expected
    assert [entry.step for entry in run.pictures] == [0, 25, 50, 75]
    stored = {entry.path.read_bytes() for entry in run.pictures}
    assert {event.encoded_image_string for event in events.Images("p")} == stored
    assert {(offline.files / image["path"]).read_bytes() for _, image in offline.series("p")} == stored


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
