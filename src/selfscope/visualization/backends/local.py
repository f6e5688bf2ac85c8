"""The local run folder as a backend: a thin shell over `store.Writer`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from selfscope.errors import RunError
from selfscope.records import Record
from selfscope.store.files import Layout
from selfscope.store.writer import Writer
from selfscope.visualization.backends.contract import BaseVisBackend, force_init_env


class LocalVisBackend(BaseVisBackend):
    """Keeps every record in a run folder: see `selfscope.open_run` for reading it.

    `save_dir` is the folder of scalars and pictures. Where it is named `vis_data`, as a Visualizer names it, the run is
    the folder above; any other folder is itself the run.
    """

    plain_arguments: ClassVar[frozenset[str]] = frozenset(("img_save_dir", "config_save_file", "scalar_save_file"))

    def __init__(
        self,
        save_dir: str,
        img_save_dir: str = "vis_image",
        config_save_file: str = "config.py",
        scalar_save_file: str = "scalars.json",
    ) -> None:
        super().__init__(save_dir)
        folder = Path(save_dir)
        inside = folder.name == "vis_data"
        self._run = folder.parent if inside else folder
        self._layout = Layout("vis_data" if inside else ".", img_save_dir, config_save_file, scalar_save_file)
        self._writer: Writer | None = None
        self.status = "finished"
        """How the run ends when this backend closes."""

    def _init_env(self) -> None:
        self._writer = Writer(self._run, layout=self._layout)

    @property
    @force_init_env
    def experiment(self) -> LocalVisBackend:
        """Itself: there is no tracker behind it."""
        return self

    @property
    @force_init_env
    def writer(self) -> Writer:
        if self._writer is None:
            raise RunError(f"{self._run}: this backend is closed")
        return self._writer

    @property
    def run(self) -> Path:
        """The run's folder."""
        return self._run

    def _keep(self, record: Record) -> bool:
        (self._writer or self.writer).write(record)
        return True

    def flush(self) -> None:
        self.writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close(self.status)
