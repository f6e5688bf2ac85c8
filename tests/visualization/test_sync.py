from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from selfscope.config.registry import VISBACKENDS
from selfscope.errors import RunError
from selfscope.records import Embedding, Histogram, Reconstruction, Sample, Scalars, Text, View
from selfscope.store.position import read_cursor
from selfscope.store.reader import open_run
from selfscope.store.writer import Writer
from selfscope.visualization.sync import sync
from selfscope.visualization.visualizer import Visualizer
from tests.visualization.fakes import Remembering

PICTURE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
LOCAL = {"type": "LocalVisBackend"}


def fill(folder, steps=range(5)) -> None:
    with Visualizer(vis_backends=LOCAL, save_dir=folder) as vis:
        for step in steps:
            vis.add_scalars({"loss": float(step)}, step)
            vis.add_image("p", PICTURE, step)


def test_a_tracker_gets_everything_once_and_in_order(tmp_path):
    fill(tmp_path)
    first, again = Remembering(), Remembering()
    assert sync(tmp_path, first).count == 10
    assert [(r.kind, r.step) for r in first.records] == [(k, s) for s in range(5) for k in ("scalars", "picture")]
    assert sync(tmp_path, again).count == 0
    fill(tmp_path, range(5, 7))
    assert sync(tmp_path, again).count == 4
    assert again.steps == [5, 5, 6, 6]
    assert sync(tmp_path, Remembering(), name="other").count == 14


class Lost(Remembering):
    """A tracker whose run of before is gone."""

    def _init_env(self) -> None:
        self.begins_anew = True


def test_a_tracker_that_lost_its_run_gets_all_of_it_again(tmp_path):
    fill(tmp_path)
    assert sync(tmp_path, Remembering(), name="t").count == 10
    assert sync(tmp_path, Lost(), name="t").count == 10
    backend = Lost()
    with Visualizer(vis_backends=[LOCAL, backend], save_dir=tmp_path) as vis:
        vis.add_scalar("loss", 5.0, 5)
    assert backend.steps == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5]


def test_records_of_every_kind_come_as_they_were(tmp_path):
    records = [
        Histogram("h", np.array([1, 2]), np.array([0.0, 1, 2]), 1),
        Embedding("e", np.ones((3, 2), np.float32), settings={"seed": 1}),
        Reconstruction("c/1", dict.fromkeys(("original", "masked"), PICTURE), "MAE", metrics={"psnr": 2.0}),
        Sample("c/1", (View(PICTURE, (1.0, 2.0, 3.0, 4.0)),), settings={"seed": 3}),
    ]
    with Visualizer(vis_backends=LOCAL, save_dir=tmp_path) as vis:
        vis.add_config({"a": 1})
        vis.add_text("n", "words")
        vis.add_table("t", {"a": [1]})
        vis.add_graph("net")
        for record in records:
            vis.write(record)
    backend = Remembering()
    assert sync(tmp_path, backend).count == 8
    by_kind = {record.kind: record for record in backend.records}
    assert by_kind["config"].source == "a = 1\n"
    assert by_kind["graph"].text == "net"
    assert by_kind["text"].text == "words"
    assert by_kind["embedding"].settings == {"seed": 1}
    assert by_kind["reconstruction"].metrics == {"psnr": 2.0}
    assert by_kind["sample"].views[0].crop == (1.0, 2.0, 3.0, 4.0)
    np.testing.assert_array_equal(by_kind["reconstruction"].pictures["masked"], PICTURE)


def test_after_a_failure_it_goes_on_where_it_stopped(tmp_path):
    fill(tmp_path)

    def fail_late(record):
        if record.step == 3:
            raise ConnectionError("down")

    backend = Remembering(fail_late)
    with pytest.raises(ConnectionError):
        sync(tmp_path, backend)
    backend.before = lambda record: None
    assert sync(tmp_path, backend).count == 4
    assert backend.steps == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_what_is_gone_is_counted(tmp_path, caplog):
    fill(tmp_path)
    (tmp_path / "vis_data/vis_image/p_2.png").unlink()
    sent = sync(tmp_path, Remembering())
    assert sent.count == 9
    assert "p_2.png: cannot be read: No such file" in next(iter(sent.refused))
    assert read_cursor(tmp_path, "Remembering").media == (tmp_path / "vis_data/media.jsonl").stat().st_size


def test_progress_counts_bytes(tmp_path):
    fill(tmp_path)
    seen: list[tuple[int, int]] = []
    sync(tmp_path, Remembering(), progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1]


def test_a_run_that_is_being_written_is_refused(tmp_path):
    with Writer(tmp_path), pytest.raises(RunError, match="is still being written, and its Visualizer sends it"):
        sync(tmp_path, Remembering())


def read_mlflow(folder):
    from tests.visualization.test_mlflow import Database

    return Database(folder)


def read_trackio(folder):
    from tests.visualization.test_trackio import Project

    return Project(folder.name)


def read_swanlab(folder):
    from tests.visualization.test_swanlab import Offline

    return Offline(folder)


def read_aim(folder):
    from tests.visualization.test_aim import Repository

    return Repository(folder)


def read_clearml(folder):
    from tests.visualization.test_clearml import Sessions

    return Sessions(folder / "cache" / "offline")


def read_dvclive(folder):
    from tests.visualization.test_dvclive import Files

    return Files(folder)


TRACKERS = {
    "MLflow": (read_mlflow, lambda folder: {}),
    "Trackio": (read_trackio, lambda folder: {"init_kwargs": {"project": folder.name, "auto_log_cpu": False}}),
    "SwanLab": (read_swanlab, lambda folder: {"init_kwargs": {"mode": "offline"}}),
    "Aim": (read_aim, lambda folder: {}),
    "ClearML": (read_clearml, lambda folder: {}),
    "DVCLive": (read_dvclive, lambda folder: {}),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TRACKERS)
def test_a_tracker_holds_what_was_sent(tmp_path, monkeypatch, name):
    if find_spec(name.lower()) is None:
        pytest.skip(f"needs {name}: make test-trackers")
    read, arguments = TRACKERS[name]
    folder = tmp_path / f"a-{name.lower()}-b"
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("CLEARML_CACHE_DIR", str(folder / "cache"))
    monkeypatch.setenv("CLEARML_CONFIG_FILE", str(folder / "none.conf"))
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "run")
    backend = VISBACKENDS.build({"type": f"{name}VisBackend", "save_dir": str(folder), **arguments(folder)})
    assert sync(tmp_path / "run", backend).count == 10
    assert sync(tmp_path / "run", backend).count == 0
    backend.close()
    there = read(folder)
    assert sorted(there.scalars()["loss"]) == [(step, float(step)) for step in range(5)]
    pictures = there.pictures("p")
    assert sorted(step for step, _ in pictures) == list(range(5))
    for _, pixels in pictures:
        np.testing.assert_array_equal(pixels, PICTURE)


def test_a_clock_that_goes_back_changes_no_order_within_a_file_and_loses_nothing(tmp_path):
    times = [1000.0, 400.0, 700.0, 400.0, 2000.0]
    with Visualizer(vis_backends=LOCAL, save_dir=tmp_path) as vis:
        for step, when in enumerate(times):
            vis.write(Scalars({"loss": float(step), "odd / tag ü 日本": float("nan")}, 10**6 * step, wall_time=when))
            vis.write(Text("note", str(step), 10**6 * step, wall_time=when))
    run = open_run(tmp_path)
    assert run.scalars("loss").wall_time.tolist() == times
    assert run.scalars("odd / tag ü 日本").step.tolist() == [10**6 * step for step in range(5)]
    backend = Remembering()
    assert sync(tmp_path, backend).count == 10
    for kind in ("scalars", "text"):
        arrived = [(r.step, r.wall_time) for r in backend.records if r.kind == kind]
        assert arrived == [(10**6 * step, when) for step, when in enumerate(times)]
