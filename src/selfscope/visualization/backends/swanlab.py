"""SwanLab, online or offline. View: swanlab.cn, or `swanlab sync <save_dir>/swanlog/run-*` first."""

from __future__ import annotations

import glob
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import orjson

from selfscope.records import (
    Config,
    Embedding,
    Figure,
    Graph,
    Histogram,
    Picture,
    Reconstruction,
    Record,
    Sample,
    Scalars,
    Table,
    Text,
)
from selfscope.store.claim import read_json, write_json
from selfscope.store.embeddings import embedding_columns
from selfscope.store.filenames import safe_name
from selfscope.store.lines import plain
from selfscope.store.tables import write_parquet
from selfscope.visualization.backends.contract import force_init_env
from selfscope.visualization.backends.files import facts_of, name_of_run, picture_of
from selfscope.visualization.backends.pictures import PictureBackend, package
from selfscope.visualization.backends.words import numbers_of

log = logging.getLogger(__name__)


class SwanLabVisBackend(PictureBackend):
    """Scalars, pictures, tables, texts and configs; histograms as bar charts; an embedding is files and a picture.

    Figures are pictures, or HTML where they have none; a graph is a text. SwanLab stamps everything with the time it
    arrives, keeps the first of what has one tag and step, trims dots, slashes and spaces around a tag, and says what it
    cannot store on the console, without raising.

    `init_kwargs` are those of `swanlab.init`. Without credentials, and unless `mode` or `SWANLAB_MODE` says otherwise,
    the run is kept offline below `save_dir`; a later session continues the same SwanLab run. SwanLab has one run a
    process, and from then on takes up what is printed, the machine's load and its installed packages: its `settings`
    turn these off. Its handler for Ctrl-C is not installed.
    """

    plain_arguments: ClassVar[frozenset[str]] = frozenset(
        f"init_kwargs.{name}"
        for name in "project name experiment_name description color group job_type tags id resume reinit "
        "mode=offline mode=local mode=disabled config.*".split()
    )
    destination: ClassVar[str] = "your account of SwanLab, or the run's folder where you are not logged in"

    def __init__(self, save_dir: str, init_kwargs: Mapping[str, Any] | None = None) -> None:
        super().__init__(save_dir)
        self._folder = Path(save_dir)
        self._init_kwargs = dict(init_kwargs or {})
        self._swanlab: Any = None
        self._run: Any = None

    def _init_env(self) -> None:
        swanlab = package("swanlab", "swanlab", "SwanLabVisBackend")
        self._folder.mkdir(parents=True, exist_ok=True)
        remembered = self._folder / "swanlab_run.json"
        known = read_json(remembered)
        wanted = {
            "log_dir": str(self._folder / "swanlog"),
            "project": "selfscope",
            "name": name_of_run(self._save_dir),
            "mode": None if "mode" in self._init_kwargs else _mode(swanlab, self._folder),
            **({"id": known["id"], "resume": "allow"} if "id" in known else {}),
            **self._init_kwargs,
        }
        with ThreadPoolExecutor(1) as thread:  # `finish` undoes what `init` does to signals only on the main thread
            self._run = thread.submit(swanlab.init, **wanted).result()
        self._swanlab = swanlab
        write_json(remembered, {"id": self._run.id})

    @property
    @force_init_env
    def experiment(self) -> Any:
        """The SwanLab run."""
        return self._run

    def close(self) -> None:
        if self._run is not None:
            self._run.finish()

    def _log(self, record: Record, values: Mapping[str, Any]) -> None:
        self.experiment.log(dict(values), step=getattr(record, "step", 0))

    def _add_scalars(self, record: Scalars) -> None:
        self._log(record, record.values)

    def _add_picture(self, record: Picture) -> None:
        self._log(record, {record.key: self._image(record)})

    def _image(self, record: Picture) -> Any:
        return self._swanlab.Image(record.pixels, caption=record.caption or None)

    def _add_page(self, record: Figure, page: bytes) -> None:
        self._log(record, {record.key: self._swanlab.Html(page.decode(), caption=record.caption or None)})

    def _add_histogram(self, record: Histogram) -> None:
        """Bars without gaps, each under the edges of its bin."""
        edges = [f"{edge:.4g}" for edge in record.edges]
        bars = self._swanlab.echarts.Bar()
        bars.add_xaxis([f"{low} … {high}" for low, high in pairwise(edges)])
        bars.add_yaxis(record.key, plain(record.counts), category_gap=0)
        self._log(record, {record.key: self._swanlab.ECharts(bars, caption=record.caption or None)})

    def _add_table(self, record: Table) -> None:
        rows = [plain(row) for row in zip(*record.columns.values(), strict=True)]
        table = self._swanlab.echarts.Table().add([str(name) for name in record.columns], rows)
        self._log(record, {record.key: self._swanlab.ECharts(table, caption=record.caption or None)})

    def _add_text(self, record: Text) -> None:
        self._log(record, {record.key: self._swanlab.Text(record.text)})

    def _add_config(self, record: Config) -> None:
        self.experiment.config.update(plain(record.values))

    def _add_graph(self, record: Graph) -> None:
        self._log(record, {"graph": self._swanlab.Text(record.text or str(record.model))})

    def _add_embedding(self, record: Embedding) -> None:
        """SwanLab links to the files, offline, so they stay in `save_dir`."""
        base = self._folder.resolve() / "swanlab_files"
        stem = base / "embeddings" / safe_name(record.key) / f"step_{record.step}"
        write_parquet(stem.with_suffix(".parquet"), embedding_columns(record))
        stem.with_suffix(".json").write_bytes(orjson.dumps(facts_of(record)))
        for suffix in (".parquet", ".json"):
            self.experiment.save(glob.escape(str(stem.with_suffix(suffix))), base_path=str(base), policy="now")
        self._add_plotted(record)

    def _add_plotted(self, record: Embedding | Reconstruction | Sample) -> None:
        numbers = {} if isinstance(record, Sample) else numbers_of(record)
        self._log(record, {record.key: self._image(picture_of(record)), **numbers})


def _mode(swanlab: Any, folder: Path) -> str | None:
    """`offline` for someone without an account, who would be asked for a key otherwise; None: as SwanLab decides."""
    settings = swanlab.Settings()
    if settings.mode != "online" or settings.api_key is not None:
        return None
    log.warning("SwanLab: not logged in, so the run is kept in %s/swanlog: `swanlab sync` sends it later", folder)
    return "offline"
