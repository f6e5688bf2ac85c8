"""Records as files, for trackers that keep files."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from selfscope.records import Embedding, Picture, Reconstruction, Sample
from selfscope.store.embeddings import embedding_columns
from selfscope.store.encode import picture_png
from selfscope.store.lines import plain
from selfscope.store.tables import write_parquet


class Scratch:
    """A folder of one backend, in which a file stands from its making until the tracker has copied it."""

    def __init__(self, owner: str) -> None:
        self._folder = TemporaryDirectory(prefix=f"selfscope-{owner}-")

    def keep(self, name: str, data: bytes) -> Path:
        path = Path(self._folder.name) / name
        path.write_bytes(data)
        return path

    def picture(self, record: Picture, name: str = "picture.png") -> Path:
        """The PNG that all backends share: nothing is encoded again."""
        return self.keep(name, picture_png(record))

    def embedding(self, record: Embedding, name: str = "embedding.parquet") -> Path:
        """Coords, labels, paths and further columns of a map; its features stay in the run folder."""
        path = Path(self._folder.name) / name
        write_parquet(path, embedding_columns(record))
        return path

    def remove(self) -> None:
        self._folder.cleanup()


def facts_of(record: Embedding) -> dict[str, Any]:
    """What made a map and what it is worth, in JSON's types."""
    return {
        "key": record.key,
        "step": record.step,
        "settings": plain(record.settings),
        "quality": plain(record.quality),
    }


def picture_of(record: Embedding | Reconstruction | Sample) -> Picture:
    """What the record draws of itself, under its own key."""
    return Picture(record.key, record.plot(), record.step, wall_time=record.wall_time)


def name_of_run(save_dir: str | None) -> str:
    """The run folder's name: that of `save_dir`, or of the folder above one that is named `vis_data`."""
    folder = Path(save_dir or ".").resolve()
    return folder.parent.name if folder.name == "vis_data" else folder.name
