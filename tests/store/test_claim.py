from __future__ import annotations

import json
import os
import socket
import time
from threading import Barrier, Thread

import pytest

from selfscope.errors import RecordError, RunError
from selfscope.records import Config, Scalars
from selfscope.store import claim
from selfscope.store.reader import open_run
from selfscope.store.writer import Writer


def test_names_that_are_no_unicode_are_written_and_read_back(tmp_path):
    name = os.fsdecode(b"r\xe9sum\xe9")
    claim.write_json(tmp_path / "a.json", {"name": name, "größe": 1})
    (tmp_path / "a.json").read_bytes().decode("utf-8")
    assert claim.read_json(tmp_path / "a.json") == {"name": name, "größe": 1}
    claim.write_json(tmp_path / "b.json", {"größe": 1})
    assert "größe" in (tmp_path / "b.json").read_text(encoding="utf-8")


@pytest.mark.skipif(os.name == "nt", reason="names of files are Unicode there")
def test_a_run_whose_folder_is_no_unicode_is_kept(tmp_path):
    folder = tmp_path / os.fsdecode(b"r\xe9sum\xe9")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    with Writer(folder) as writer:
        writer.write(Scalars({"a": 1.0}, 3))
    run = open_run(folder)
    assert (run.name, run.status, run.scalars("a").step.tolist()) == (folder.name, "finished", [3])


def test_a_lock_whose_owner_is_about_to_write_its_name_is_respected(tmp_path):
    """Between making the file and filling it, a second taker would have found nobody and taken the run too."""
    lock = tmp_path / "run.lock"
    lock.touch()

    def fill():
        time.sleep(0.2)
        owner = {"host": socket.gethostname(), "pid": os.getppid(), "token": "x", "since": time.time()}
        lock.write_text(json.dumps(owner))

    filling = Thread(target=fill)
    filling.start()
    with pytest.raises(RunError, match=f"is being written by process {os.getppid()}"):
        claim.Claim(tmp_path)
    filling.join()


def test_an_empty_lock_of_long_ago_is_nobodys(tmp_path):
    lock = tmp_path / "run.lock"
    lock.touch()
    os.utime(lock, (time.time() - 60,) * 2)
    claim.Claim(tmp_path).release()
    assert not lock.exists()


def test_of_several_threads_one_takes_a_run(tmp_path, monkeypatch):
    taken, refused, at_once = [], [], Barrier(4)
    take = claim.Claim._take

    def slowly(self):
        take(self)
        time.sleep(0.05)

    monkeypatch.setattr(claim.Claim, "_take", slowly)

    def claimed():
        at_once.wait()
        try:
            taken.append(claim.Claim(tmp_path))
        except RunError as error:
            refused.append(str(error))

    threads = [Thread(target=claimed) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), len(refused)) == (1, 3)
    taken[0].release()


@pytest.mark.slow
def test_a_run_that_was_taken_over_can_be_opened_again_when_it_is_free(tmp_path, monkeypatch):
    monkeypatch.setattr("selfscope.store.writer.HEARTBEAT_EVERY", 0.0)
    writer = Writer(tmp_path)
    claim.write_json(tmp_path / "run.lock", {"host": "elsewhere", "pid": 1, "token": "other", "since": time.time()})
    writer._keeper.join(5)
    writer.close()
    (tmp_path / "run.lock").unlink()
    with Writer(tmp_path) as again:
        again.write(Scalars({"a": 1.0}))
    assert len(open_run(tmp_path).scalars("a")) == 1


def test_a_first_record_that_is_refused_leaves_the_run_free(tmp_path):
    with pytest.raises((RecordError, AttributeError)):
        Writer(tmp_path, config=Config({}, source=None))  # type: ignore[arg-type]
    assert not (tmp_path / "run.lock").exists()
    Writer(tmp_path).close()


def test_tables_that_cannot_be_made_cost_no_line(tmp_path, monkeypatch):
    writer = Writer(tmp_path)
    writer.write(Scalars({"a": 1.0}))

    def broken():
        raise RunError("no table today")

    monkeypatch.setattr(writer.files, "compile", broken)
    with pytest.raises(RunError, match="no table today"):
        writer.close()
    assert open_run(tmp_path).scalars("a").value.tolist() == [1.0]
    assert open_run(tmp_path).status == "interrupted"
