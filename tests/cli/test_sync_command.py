"""A finished run, sent to a tracker afterwards, holds there what it holds here; a second time sends nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from selfscope import Visualizer
from selfscope.cli import main


def make_run(folder: Path) -> Path:
    with Visualizer(vis_backends=[dict(type="LocalVisBackend")], save_dir=str(folder)) as visualizer:
        for step in range(5):
            visualizer.add_scalars({"loss": 1 / (step + 1)}, step=step)
        visualizer.add_image("views/first", np.zeros((4, 6, 3), np.uint8), step=2)
    return folder


def test_what_a_tracker_lacks_is_sent_once(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = make_run(tmp_path / "run")
    assert main(["sync", str(run), "--to", "tensorboard"]) == 0
    assert "6 records sent" in capsys.readouterr().out
    assert main(["sync", str(run), "--to", "tensorboard"]) == 0
    assert "0 records sent" in capsys.readouterr().out
    events = accumulator.EventAccumulator(str(run / "vis_data"), size_guidance={"scalars": 0, "images": 0}).Reload()
    losses = events.Scalars("loss")
    assert [(e.step, round(e.value, 6)) for e in losses] == [(s, round(1 / (s + 1), 6)) for s in range(5)]
    assert [e.step for e in events.Images("views/first")] == [2]


@pytest.mark.parametrize(
    ("to", "words"), [("tensorbord", "Did you mean 'tensorboard'"), ("local", "expected one of"), ("x", "wandb")]
)
def test_an_unknown_tracker_is_refused(to: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["sync", str(make_run(tmp_path / "run")), "--to", to]) == 1
    assert words in capsys.readouterr().err


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["sync", str(tmp_path / "nothing"), "--to", "tensorboard"]) == 1
    assert "nothing" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_arguments_reach_a_tracker_that_has_no_init_kwargs(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow")
    import sqlite3
    from contextlib import closing

    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    run = make_run(tmp_path / "run")
    assert main(["sync", str(run), "--to", "mlflow", "--init-kwargs", "exp_name=ssl"]) == 0
    assert "6 records sent to mlflow" in capsys.readouterr().out
    with closing(sqlite3.connect(run / "vis_data" / "mlflow.db")) as database:
        assert database.execute("select name from experiments where experiment_id > 0").fetchall() == [("ssl",)]
        losses = database.execute("select step, value from metrics where key = 'loss' order by step").fetchall()
    assert losses == [(step, 1 / (step + 1)) for step in range(5)]
