from __future__ import annotations

import atexit
import os
import shutil
from tempfile import mkdtemp

import pytest

from selfscope.visualization import outlet

os.environ["TRACKIO_DIR"] = mkdtemp(prefix="trackio-")  # read when Trackio is imported, by whichever test is first
atexit.register(shutil.rmtree, os.environ["TRACKIO_DIR"], ignore_errors=True)


@pytest.fixture
def quick(monkeypatch):
    """Waits in milliseconds instead of seconds."""
    monkeypatch.setattr(outlet, "POLL", 0.005)
    monkeypatch.setattr(outlet, "FIRST_WAIT", 0.005)


@pytest.fixture(scope="session")
def mlflow_tables(tmp_path_factory):
    """Puts a database with MLflow's tables, which take it seconds to make, into a folder."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()

    def place(folder, name="mlflow.db"):
        folder.mkdir(parents=True, exist_ok=True)
        return shutil.copy(path, folder / name)

    return place
