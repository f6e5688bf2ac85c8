"""TensorBoard's event files. View: `tensorboard --logdir work_dirs`."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np

from selfscope.records import (
    Config,
    Embedding,
    Figure,
    Graph,
    Histogram,
    Picture,
    Record,
    Scalars,
    Table,
    Text,
)
from selfscope.store.encode import picture_png
from selfscope.visualization.backends.contract import UnsupportedRecordError, force_init_env
from selfscope.visualization.backends.pictures import PictureBackend, package
from selfscope.visualization.backends.words import code_block, markdown_table

MOST_PROJECTED = 2_000_000
"""Numbers that are written as text for the projector; larger features give way to the coords."""


class TensorboardVisBackend(PictureBackend):
    """Scalars, pictures, figures (as pictures), histograms, texts, graphs and embeddings (in the projector).

    Tables and configs become Markdown; reconstructions and samples the picture that they make, and their numbers
    scalars. A histogram's mean is that of its bins. TensorBoard itself thins out what it shows:
    `--samples_per_plugin images=0` shows every picture. It sends nothing anywhere.
    """

    prepares: ClassVar[frozenset[str]] = frozenset({"graph"})

    def __init__(self, save_dir: str) -> None:
        super().__init__(save_dir)
        self._tensorboard: Any = None
        self._graphs: WeakKeyDictionary[Record, Any] = WeakKeyDictionary()

    def _init_env(self) -> None:
        writers = package("torch.utils.tensorboard", "tensorboard", "TensorboardVisBackend")
        self._tensorboard = writers.SummaryWriter(self._save_dir)

    @property
    @force_init_env
    def experiment(self) -> Any:
        """The `SummaryWriter`."""
        return self._tensorboard

    def prepare(self, record: Record) -> None:
        """Traces the model, where the graph comes with inputs for it."""
        from torch.utils.tensorboard._pytorch_graph import graph

        if not isinstance(record, Graph) or record.inputs is None:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # tensorboard traces with torch.jit, which torch regrets
            self._graphs[record] = graph(record.model, record.inputs, use_strict_trace=False)

    def flush(self) -> None:
        self.experiment.flush()

    def close(self) -> None:
        if self._tensorboard is not None:
            self._tensorboard.close()

    def _add_scalars(self, record: Scalars) -> None:
        """One event for all tags: `SummaryWriter.add_scalar` makes one a tag, at several times the cost."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in record.values.items()]
        self.experiment.file_writer.add_summary(Summary(value=values), record.step, walltime=record.wall_time)

    def _add_picture(self, record: Picture) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        height, width, _ = record.pixels.shape
        image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=picture_png(record))
        summary = Summary(value=[Summary.Value(tag=record.key, image=image)])
        self.experiment.file_writer.add_summary(summary, record.step, walltime=record.wall_time)
        self._add_caption(record)

    def _add_caption(self, record: Picture | Histogram) -> None:
        if record.caption:
            self.experiment.add_text(f"{record.key}/caption", record.caption, record.step, walltime=record.wall_time)

    def _add_page(self, record: Figure, page: bytes) -> None:
        raise UnsupportedRecordError("TensorboardVisBackend shows figures as pictures: Plotly needs kaleido for these")

    def _add_histogram(self, record: Histogram) -> None:
        counts, edges = record.counts.astype(np.float64), record.edges.astype(np.float64)
        middles = (edges[:-1] + edges[1:]) / 2
        self.experiment.add_histogram_raw(
            record.key,
            min=edges[0],
            max=edges[-1],
            num=counts.sum(),
            sum=counts @ middles,
            sum_squares=counts @ middles**2,
            bucket_limits=edges[1:].tolist(),
            bucket_counts=counts.tolist(),
            global_step=record.step,
            walltime=record.wall_time,
        )
        self._add_caption(record)

    def _add_table(self, record: Table) -> None:
        self._add_text(Text(record.key, markdown_table(record), record.step, wall_time=record.wall_time))

    def _add_text(self, record: Text) -> None:
        self.experiment.add_text(record.key, record.text, record.step, walltime=record.wall_time)

    def _add_config(self, record: Config) -> None:
        self.experiment.add_text("config", code_block(record.source, "python"), walltime=record.wall_time)

    def _add_graph(self, record: Graph) -> None:
        traced = self._graphs.pop(record, None)
        if traced is not None:
            self.experiment.file_writer.add_graph(traced, walltime=record.wall_time)
        self.experiment.add_text("graph", code_block(record.text or str(record.model)), walltime=record.wall_time)

    def _add_embedding(self, record: Embedding) -> None:
        """The projector gets the features of the first stage, or the coords where these are too many."""
        features = next(iter(record.features.values()), record.coords)
        points = np.asarray(features if features.size <= MOST_PROJECTED else record.coords, np.float32)
        self.experiment.add_embedding(
            points, metadata=_names(record), global_step=record.step, tag=record.key.replace("/", "_")
        )
        self._add_plotted(record)


def _names(record: Embedding) -> list[str] | None:
    """What stands at each point: the class, or the path."""
    if record.labels is not None and record.class_names is not None:
        known = dict(enumerate(record.class_names))
        return [known.get(int(label), str(label)) for label in record.labels]
    if record.labels is not None:
        return [str(label) for label in record.labels]
    return None if record.paths is None else list(record.paths)
