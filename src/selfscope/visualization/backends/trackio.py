"""Trackio, on this machine, a server or a Hugging Face Space. View: `trackio show --project selfscope`."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Mapping
from contextvars import Context as FreshContext
from pathlib import Path
from typing import Any, ClassVar

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
from selfscope.store.lines import plain
from selfscope.visualization.backends.contract import force_init_env
from selfscope.visualization.backends.files import Scratch, facts_of, name_of_run, picture_of
from selfscope.visualization.backends.pictures import PictureBackend, package
from selfscope.visualization.backends.words import code_block, numbers_of

log = logging.getLogger(__name__)

RESERVED = frozenset({"project", "run", "timestamp", "step", "time", "metrics"})
"""Tags that Trackio keeps for itself, as it does all that begin with two underscores."""


class TrackioVisBackend(PictureBackend):
    """Scalars, pictures, histograms, tables, texts and configs; an embedding is an artifact and a picture.

    Figures are pictures, or HTML where they have none; a config is the run's, and a text; a graph and the captions of
    tables and histograms are texts. A reserved tag (`time`, …) gets `_` behind it. Trackio stamps everything with the
    time it arrives, and warns, rather than raises, where it cannot store.

    Trackio keeps its data in one place for all projects (`TRACKIO_DIR`, by default in Hugging Face's cache); `save_dir`
    only remembers which run is continued. `init_kwargs` are those of `trackio.init`; `trackio.log` and the like do not
    see this run. Where psutil is installed Trackio logs the machine's load beside it (`auto_log_cpu=False`). It sends
    nothing unless a Space or a server is named, except that it asks Hugging Face for the name of a logged-in user.
    """

    plain_arguments: ClassVar[frozenset[str]] = frozenset(
        f"init_kwargs.{name}"
        for name in "project name group config resume embed auto_log_gpu gpu_log_interval auto_log_cpu "
        "cpu_log_interval webhook_min_level".split()
    )
    destination: ClassVar[str] = "Trackio's folder on this machine"

    def __init__(self, save_dir: str, init_kwargs: Mapping[str, Any] | None = None) -> None:
        super().__init__(save_dir)
        self._init_kwargs = dict(init_kwargs or {})
        self._trackio: Any = None
        self._run: Any = None
        self._scratch: Scratch | None = None
        self._remembered = Path(save_dir) / "trackio_run.json"

    def _init_env(self) -> None:
        trackio = package("trackio", "trackio", "TrackioVisBackend")
        self._remembered.parent.mkdir(parents=True, exist_ok=True)
        known = read_json(self._remembered)
        wanted = {
            "project": known.get("project", "selfscope"),
            "name": known.get("name", f"{name_of_run(self._save_dir)}-{secrets.token_hex(2)}"),
            "resume": "allow" if known else "never",
            "embed": False,
            **self._init_kwargs,
        }
        wanted["config"] = {**known.get("config", {}), **(wanted.get("config") or {})}
        # In a context of its own, `init` neither ends the caller's current run nor becomes it.
        self._run = FreshContext().run(trackio.init, **wanted)
        if "id" in known and known["id"] != self._run.id:
            log.warning("Trackio: run %r could not be continued, so a new one begins", known.get("name"))
            self.begins_anew = True
        self._trackio, self._scratch = trackio, Scratch("trackio")
        self._remember(wanted["config"])

    @property
    @force_init_env
    def experiment(self) -> Any:
        """The Trackio run."""
        return self._run

    def close(self) -> None:
        if self._run is not None:
            self._run.finish()
        if self._scratch is not None:
            self._scratch.remove()

    def _remember(self, config: Mapping[str, Any]) -> None:
        """Trackio replaces a run's config when the run is continued, so it is handed the old one then."""
        run = self._run
        write_json(self._remembered, {"project": run.project, "name": run.name, "id": run.id, "config": config})

    def _log(self, record: Record, values: Mapping[str, Any]) -> None:
        free: dict[str, Any] = {tag: value for tag, value in values.items() if not _is_reserved(tag)}
        for tag in (tag for tag in values if _is_reserved(tag)):
            name = f"{tag.lstrip('_')}_"
            while name in values or name in free:
                name += "_"
            free[name] = values[tag]
        self.experiment.log(free, step=getattr(record, "step", 0))

    def _add_scalars(self, record: Scalars) -> None:
        self._log(record, record.values)

    def _add_picture(self, record: Picture) -> None:
        self._log(record, {record.key: self._image(record)})

    def _image(self, record: Picture) -> Any:
        """The shared PNG as it is: Trackio copies the file, and encodes nothing again."""
        assert self._scratch is not None
        return self._trackio.Image(self._scratch.picture(record), caption=record.caption or None)

    def _add_page(self, record: Figure, page: bytes) -> None:
        self._log(record, {record.key: self._trackio.Html(page.decode(), caption=record.caption or None)})

    def _add_histogram(self, record: Histogram) -> None:
        histogram = self._trackio.Histogram(np_histogram=(record.counts, record.edges))
        self._log(record, {record.key: histogram, **self._caption(record)})

    def _add_table(self, record: Table) -> None:
        rows = [plain(row) for row in zip(*record.columns.values(), strict=True)]
        table = self._trackio.Table(columns=[str(name) for name in record.columns], data=rows)
        self._log(record, {record.key: table, **self._caption(record)})

    def _caption(self, record: Histogram | Table) -> dict[str, Any]:
        return {f"{record.key}/caption": self._trackio.Markdown(record.caption)} if record.caption else {}

    def _add_text(self, record: Text) -> None:
        self._log(record, {record.key: self._trackio.Markdown(record.text)})

    def _add_config(self, record: Config) -> None:
        """Trackio sends a run's config with the first values, so what arrives later is only the text."""
        values = {key: value for key, value in plain(record.values).items() if not key.startswith("_")}
        self.experiment.config.update(values)
        self._remember({key: value for key, value in self.experiment.config.items() if not key.startswith("_")})
        self._log(record, {"config": self._trackio.Markdown(code_block(record.source, "python"))})

    def _add_graph(self, record: Graph) -> None:
        self._log(record, {"graph": self._trackio.Markdown(code_block(record.text or str(record.model)))})

    def _add_embedding(self, record: Embedding) -> None:
        assert self._scratch is not None
        name = re.sub(r"[^A-Za-z0-9._-]", "-", record.key)
        artifact = self._trackio.Artifact(f"embedding-{name}", type="embedding", metadata=facts_of(record))
        artifact.add_file(self._scratch.embedding(record))
        self.experiment.log_artifact(artifact)
        self._add_plotted(record)

    def _add_plotted(self, record: Embedding | Reconstruction | Sample) -> None:
        numbers = {} if isinstance(record, Sample) else numbers_of(record)
        self._log(record, {record.key: self._image(picture_of(record)), **numbers})


def _is_reserved(tag: str) -> bool:
    return tag in RESERVED or tag.startswith("__")
