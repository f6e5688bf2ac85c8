"""What trackers of pictures and numbers have in common: the set-up, and records that become pictures and numbers."""

from __future__ import annotations

from abc import abstractmethod
from importlib import import_module
from typing import Any

from selfscope.errors import MissingExtraError
from selfscope.records import Embedding, Figure, Picture, Reconstruction, Sample, Scalars
from selfscope.store.figures import draw_figure
from selfscope.visualization.backends.contract import BaseVisBackend
from selfscope.visualization.backends.files import picture_of
from selfscope.visualization.backends.words import numbers_of


def package(name: str, extra: str, purpose: str) -> Any:
    """The tracker's own module, imported now; where it is not installed, the command that installs it is told."""
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtraError(extra, extra, purpose) from error


class PictureBackend(BaseVisBackend):
    """Figures are pictures, or pages of HTML where they have none; what can be drawn is a picture and its numbers."""

    @abstractmethod
    def _add_picture(self, record: Picture) -> None: ...

    @abstractmethod
    def _add_scalars(self, record: Scalars) -> None: ...

    @abstractmethod
    def _add_page(self, record: Figure, page: bytes) -> None:
        """Keeps a figure that has no picture: HTML that needs no other file."""

    def _add_figure(self, record: Figure) -> None:
        drawn = draw_figure(record)
        pixels = drawn.picture()
        if pixels is None:
            self._add_page(record, drawn.files[".html"])
        else:
            self._add_picture(Picture(record.key, pixels, record.step, record.caption, wall_time=record.wall_time))

    def _add_plotted(self, record: Embedding | Reconstruction | Sample) -> None:
        self._add_picture(picture_of(record))
        numbers = {} if isinstance(record, Sample) else numbers_of(record)
        if numbers:
            self._add_scalars(Scalars(numbers, record.step, wall_time=record.wall_time))

    def _add_reconstruction(self, record: Reconstruction) -> None:
        self._add_plotted(record)

    def _add_sample(self, record: Sample) -> None:
        self._add_plotted(record)
