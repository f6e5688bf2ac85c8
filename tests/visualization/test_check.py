from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from selfscope.errors import UsageError
from selfscope.store.encode import decode_picture
from selfscope.store.reader import open_run
from selfscope.visualization.backends.check import SCALARS, Stored, check_backend
from selfscope.visualization.backends.contract import BaseVisBackend
from selfscope.visualization.backends.local import LocalVisBackend
from selfscope.visualization.backends.tensorboard import TensorboardVisBackend
from selfscope.visualization.backends.wandb import WandbVisBackend
from selfscope.visualization.visualizer import Visualizer
from tests.visualization.fakes import Remembering

KEY = "val/a picture"


def test_local(tmp_path):
    def read_back() -> Stored:
        run = open_run(tmp_path)
        series = {tag: run.scalars(tag) for tag in SCALARS}
        pictures = [(entry.step, decode_picture(entry.path)) for entry in run.pictures if entry.key == KEY]
        assert len(pictures) == 2
        return Stored({t: list(zip(s.step, s.value, strict=True)) for t, s in series.items()}, {KEY: pictures})

    assert check_backend(lambda: LocalVisBackend(str(tmp_path)), read_back) == frozenset()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of tensorboard's own modules
def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    from tests.visualization.test_tensorboard import read

    def read_back() -> Stored:
        events = read(tmp_path)
        pictures = [
            (event.step, np.asarray(Image.open(io.BytesIO(event.encoded_image_string)))) for event in events.Images(KEY)
        ]
        assert len(pictures) == 2
        return Stored({tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in SCALARS}, {KEY: pictures})

    assert check_backend(lambda: TensorboardVisBackend(str(tmp_path)), read_back) == frozenset()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_wandb(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    from tests.visualization.test_wandb import Offline

    monkeypatch.setenv("WANDB_SILENT", "true")

    def read_back() -> Stored:
        offline, pictures = Offline(tmp_path), []
        for step, image in offline.series(KEY):
            (path,) = (
                run / "files" / image["path"] for run in offline.runs if (run / "files" / image["path"]).exists()
            )
            pictures.append((step, np.asarray(Image.open(path))))
        assert len(pictures) == 2
        return Stored({tag: offline.series(tag) for tag in SCALARS}, {KEY: pictures})

    kwargs = {"mode": "offline", "project": "tests"}
    assert check_backend(lambda: WandbVisBackend(str(tmp_path), kwargs), read_back) == frozenset()


class FewKinds(BaseVisBackend):
    """As MMEngine's guide has it: scalars and pictures."""

    def __init__(self, folder: Path, wrong: float = 0.0) -> None:
        super().__init__(str(folder))
        self.log, self.wrong = folder / "log.txt", wrong

    @property
    def experiment(self) -> Path:
        return self.log

    def add_image(self, name, image, step=0, **kwargs):
        if self.wrong > 1:
            image[0, 0] += 1

    def add_scalar(self, name, value, step=0, **kwargs):
        with self.log.open("a") as file:
            file.write(f"{name}\t{step}\t{value + self.wrong}\n")

    def read_back(self) -> Stored:
        scalars: dict = {}
        for name, step, value in (line.split("\t") for line in self.log.read_text().splitlines()):
            scalars.setdefault(name, []).append((int(step), float(value)))
        return Stored(scalars)


def test_a_backend_may_refuse_kinds(tmp_path):
    refused = check_backend(lambda: FewKinds(tmp_path), FewKinds(tmp_path).read_back)
    assert refused == {"config", "graph", "histogram", "table", "text"}


def test_other_values_are_found(tmp_path):
    with pytest.raises(AssertionError, match="'train/loss': expected "):
        check_backend(lambda: FewKinds(tmp_path, 0.5), FewKinds(tmp_path).read_back)


def test_changed_records_are_found(tmp_path):
    with pytest.raises(AssertionError, match="picture: pixels was changed by writing it"):
        check_backend(lambda: FewKinds(tmp_path, 2.0))


def test_silence_is_found():
    with pytest.raises(AssertionError, match="a kind that nobody knows is kept silent about"):
        check_backend(Remembering)


def test_neptune_is_answered_by_a_sentence(tmp_path):
    with pytest.raises(UsageError, match="Neptune's service is gone: take WandbVisBackend, MLflowVisBackend or"):
        Visualizer(vis_backends={"type": "NeptuneVisBackend"}, save_dir=tmp_path)
