"""Run folders that someone else wrote: nothing outside is read, and what is wrong is a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from selfscope.errors import RunError
from selfscope.records import Sample, Scalars, Text, View
from selfscope.store.claim import is_alive
from selfscope.store.files import Layout
from selfscope.store.position import Position, read_cursor
from selfscope.store.reader import open_run
from selfscope.store.replay import replay
from selfscope.store.writer import Writer
from selfscope.visualization.backends.local import LocalVisBackend

OUTSIDE = ["../../escape", "/tmp/escape", "a/../../b", "..", "..\\up", "\\\\host\\share", "C:/windows", "a\0b"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_layout_stays_in_its_run(tmp_path, name):
    with pytest.raises(RunError, match=r"expected a relative path below the run folder, without '\.\.'"):
        LocalVisBackend(str(tmp_path / "run"), img_save_dir=name)
    with pytest.raises(RunError, match="expected a relative path"):
        Layout(config=f"{name}/config.py")
    assert not (tmp_path / "run").exists()


def test_folders_below_the_run_and_dots_in_names_are_fine(tmp_path):
    assert Layout(".", "shown/deep..er", "a.b.py").pictures == "shown/deep..er"


@pytest.mark.parametrize("layout", [*({"data": name} for name in OUTSIDE), {"date": "x"}, {"data": 5}, [1], "x", 7])
def test_a_noted_layout_is_one_sentence(tmp_path, layout):
    (tmp_path / "run.json").write_text(json.dumps({"layout": layout}))
    run = open_run(tmp_path)
    for read in (run.scalars, run.media):
        with pytest.raises(RunError, match=r"run\.json: .*expected a (relative path|layout with names for data)"):
            read()


def foreign(folder: Path, *lines: Any) -> Path:
    """A run with one text, and lines in its index that we did not write."""
    with Writer(folder) as writer:
        writer.write(Text("ours", "words", 3))
    with (folder / "vis_data/media.jsonl").open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    return folder


LINE = {"kind": "text", "key": "x", "step": 0, "_t": 0.0, "path": "x.md"}


@pytest.mark.parametrize(
    "change",
    [
        *({"path": name} for name in OUTSIDE),
        {"path": 5},
        {"step": "first"},
        {"step": None},
        {"step": 1e300},
        {"_t": "yesterday"},
        {"kind": "sample", "path": "browse/a/1.png", "id": "../1"},
        {"kind": "sample", "path": "browse/a/1.png", "id": "browse/a/1"},
        {"kind": "sample", "path": "browse/a/1.png", "id": "/etc/1"},
        {"kind": "sample", "path": "browse/a/1.png", "id": ["1"]},
    ],
)
def test_a_line_of_the_index_that_is_wrong_is_a_problem_and_left_out(tmp_path, change):
    run = open_run(foreign(tmp_path, LINE | change))
    assert [entry.key for entry in run.media()] == ["ours"]
    assert len(run.problems) == 1
    assert "expected" in run.problems[0]


@pytest.mark.parametrize("kind", ["picture", "table", "histogram", "sample", "reconstruction", "embedding", "magic"])
@pytest.mark.parametrize("details", [{}, {"id": "x"}])
def test_what_is_no_record_is_one_sentence(tmp_path, kind, details):
    folder = foreign(tmp_path, LINE | {"kind": kind, "path": "browse/x.png"} | details)
    (folder / "browse").mkdir()
    for name in ("x.png", "samples.jsonl", "metrics.jsonl"):
        (folder / "browse" / name).write_text('{"id": "x", "views": 5, "arrays": 5}\n')
    with pytest.raises(RunError):
        open_run(folder).media(kind)[0].load()


def test_a_map_elsewhere_is_no_raw_error(tmp_path):
    run = open_run(foreign(tmp_path, LINE | {"kind": "embedding"}, LINE | {"kind": "sample", "path": "y.png"}))
    assert (len(run.embeddings), len(run.samples)) == (0, 0)


def test_an_id_is_that_of_its_sample(tmp_path):
    view = View(np.zeros((4, 4, 3), np.uint8))
    with Writer(tmp_path) as writer:
        for key in ("cat/1", "cat/1", "1"):
            writer.write(Sample(key, (view,)))
    run = open_run(tmp_path)
    assert [run.samples[name].key for name in run.samples] == ["cat/1", "cat/1", "1"]
    assert run.problems == ()


@pytest.mark.parametrize("change", [{"step": "x"}, {"step": None}, {"step": [1]}, {"step": 2**63}, {"_t": [1]}])
def test_scalars_without_a_step_are_skipped_and_reported(tmp_path, change):
    with Writer(tmp_path) as writer:
        writer.write(Scalars({"loss": 1.0}, 1))
    with (tmp_path / "vis_data/scalars.json").open("a") as file:
        file.write(json.dumps({"step": 2, "_t": None, "loss": 2.0}) + "\n")
        file.write(json.dumps({"step": 3, "_t": 5.0, "loss": 3.0} | change) + "\n")
    run = open_run(tmp_path)
    for series in (run.scalars("loss"), run.scalars()["loss"]):
        np.testing.assert_array_equal(series.step, [1, 2])
        np.testing.assert_array_equal(series.value, [1, 2])
    assert [problem.rpartition(": ")[2] for problem in run.problems] == ["1 line was incomplete and skipped"]
    assert [stored.load().step for stored in replay(run, Position())] == [1, 2]


def test_lock_and_cursor_of_someone_else(tmp_path):
    (tmp_path / "cursors").mkdir()
    (tmp_path / "cursors/x.json").write_text('{"scalars": "far", "media": -1}')
    assert read_cursor(tmp_path, "x") == Position(0, 0)
    (tmp_path / "run.json").write_text('{"status": "running", "heartbeat": []}')
    for lock in ('{"since": "now", "pid": "x"}', '{"since": NaN}', "[" * 100_000):
        (tmp_path / "run.lock").write_text(lock)
        assert not is_alive(tmp_path)
