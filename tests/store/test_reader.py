from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pytest
from PIL import Image

from selfscope.errors import RunError
from selfscope.records import Config, Scalars
from selfscope.store.reader import open_run
from selfscope.store.writer import Writer


def test_scalars_are_arrays_by_tag(tmp_path):
    with Writer(tmp_path) as writer:
        for i in range(5):
            values = {"loss": 1 / (i + 1)} if i % 2 else {"loss": 1 / (i + 1), "a/ü b": float("-inf")}
            writer.write(Scalars(values, i * 10, wall_time=100.0 + i))
    run = open_run(tmp_path)
    everything = run.scalars()
    assert list(everything) == ["loss", "a/ü b"]
    for series, steps, values in (
        (run.scalars("loss"), [0, 10, 20, 30, 40], [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]),
        (run.scalars("a/ü b"), [0, 20, 40], [-np.inf] * 3),
    ):
        np.testing.assert_array_equal(series.step, steps)
        np.testing.assert_array_equal(series.value, values)
        np.testing.assert_array_equal(series.wall_time, 100 + series.step / 10)
        assert (series.step.dtype, series.value.dtype) == (np.int64, np.float64)
    np.testing.assert_array_equal(everything["loss"].value, run.scalars("loss").value)


def test_a_resumed_run_is_one_curve(tmp_path):
    def log(steps: list[int], offset: float) -> None:
        with Writer(tmp_path) as writer:
            for step in steps:
                values = {"loss": step + offset} | ({"rare": step + offset} if step % 4 == 0 else {})
                writer.write(Scalars(values, step))
            writer.write(Scalars({"note": offset}, 0))

    log([1, 2, 3, 4, 5, 6], 0.0)
    log([4, 5], 0.5)  # went back to step 4, and was stopped before it had caught up
    log([5, 6, 7], 0.25)
    run = open_run(tmp_path)
    for loss in (run.scalars("loss"), run.scalars()["loss"]):
        assert loss.step.tolist() == [1, 2, 3, 4, 5, 6, 7]
        assert loss.value.tolist() == [1, 2, 3, 4.5, 5.25, 6.25, 7.25]
    assert run.scalars("rare").value.tolist() == [4.5]
    assert run.scalars("note").value.tolist() == [0.25]
    assert (tmp_path / "vis_data/scalars.json").read_text().count('"loss"') == 11


def test_a_step_that_one_session_logs_twice_stays_twice(tmp_path):
    Writer(tmp_path).close()
    with Writer(tmp_path) as writer:
        for i, step in enumerate([1, 2, 2, 1]):
            writer.write(Scalars({"a": float(i)}, step, wall_time=2e9 + 10 * i))
    assert open_run(tmp_path).scalars("a").value.tolist() == [0, 1, 2, 3]


def test_an_unknown_tag_names_the_nearest(tmp_path):
    with Writer(tmp_path) as writer:
        writer.write(Scalars({"train/loss": 1.0}))
    with pytest.raises(RunError, match=r"no scalar 'train/los' was logged\. Did you mean 'train/loss'\?"):
        open_run(tmp_path).scalars("train/los")


def test_torn_lines_are_skipped_and_reported(tmp_path, caplog):
    with Writer(tmp_path) as writer:
        writer.write(Scalars({"loss": 1.0}, 1))
    with (tmp_path / "vis_data/scalars.json").open("ab") as file:
        file.write(b'{"step":2,"_t":5,"lo')
    run = open_run(tmp_path)
    np.testing.assert_array_equal(run.scalars("loss").step, [1])
    run.scalars()
    assert [p.endswith("scalars.json: 1 line was incomplete and skipped") for p in run.problems] == [True]
    assert caplog.text.count("incomplete") == 1


@pytest.mark.parametrize("name", ["missing", "file", "empty", "runs"])
def test_what_is_no_run_is_one_sentence(tmp_path, name):
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    for run in ("a", "b"):
        Writer(tmp_path / "runs" / run).close()
    expected = {
        "missing": "missing: no such folder",
        "file": "file: no such folder",
        "empty": "empty: is not a run folder: it has no run.json",
        "runs": f"is not a run folder: it holds 2 runs, the last is {tmp_path / 'runs' / 'b'}",
    }
    with pytest.raises(RunError, match=expected[name].replace(".", r"\.")):
        open_run(tmp_path / name)


def test_the_data_folder_opens_its_run(tmp_path):
    Writer(tmp_path).close()
    assert open_run(tmp_path / "vis_data").path == tmp_path


def test_a_run_that_mmengine_wrote_is_read(tmp_path):
    data = tmp_path / "vis_data"
    (data / "vis_image" / "deep").mkdir(parents=True)
    lines = [{"loss": 0.5, "iter": 1, "step": 1}, {"loss": float("nan"), "list": [1, 2], "step": 2}]
    (data / "scalars.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
    picture = np.zeros((4, 5, 3), np.uint8)
    Image.fromarray(picture).save(data / "vis_image/deep/a_b_12.png")
    (data / "config.py").write_text("a = dict(b=1)\n")
    run = open_run(tmp_path)
    assert run.status == "unknown"
    assert list(run.scalars()) == ["loss", "iter"]
    assert np.isnan(run.scalars("loss").wall_time[0])
    assert [(entry.key, entry.step) for entry in run.pictures] == [("deep/a_b", 12)]
    np.testing.assert_array_equal(run.pictures[0].load().pixels, picture)


def test_a_running_run_can_be_followed(tmp_path):
    with Writer(tmp_path) as writer:
        run = open_run(tmp_path)
        for i in range(3):
            writer.write(Scalars({"a": float(i)}, i))
            writer.files.flush()
            assert len(run.scalars("a")) == i + 1
        assert repr(run) == f"Run({str(tmp_path)!r}, running)"


def test_the_config_is_the_last_one(tmp_path):
    pytest.importorskip("selfscope.config.reader")
    with Writer(tmp_path) as writer:
        assert open_run(tmp_path).config is None
        writer.write(Config({"a": 1}, "a = 1\n"))
        writer.write(Config({"a": {"b": [1, None]}}, "a = dict(b=[1, None])\n"))
    assert open_run(tmp_path).config == {"a": {"b": [1, None]}}


@pytest.mark.slow
def test_scalars_cost_no_more_than_plain_json(tmp_path):
    """Written with checks and locks within thrice the time of `json.dumps`, read faster than `json.loads`."""
    rows = [{"loss": i * 0.5, "lr": 0.1} for i in range(100_000)]
    dumped, lines = cpu_seconds(lambda: [json.dumps({"step": i, "_t": 0.5, **row}) for i, row in enumerate(rows)])
    loaded, _ = cpu_seconds(lambda: [json.loads(line) for line in lines])

    def write() -> None:
        with Writer(tmp_path) as writer:
            for i, row in enumerate(rows):
                writer.write(Scalars(row, i))

    written, _ = cpu_seconds(write)
    read, loss = cpu_seconds(lambda: open_run(tmp_path).scalars("loss"))
    assert written < 3 * dumped
    assert read < loaded
    np.testing.assert_array_equal(loss.value, np.arange(100_000) * 0.5)


def cpu_seconds(call) -> tuple[float, Any]:
    started = time.process_time()
    result = call()
    return time.process_time() - started, result
