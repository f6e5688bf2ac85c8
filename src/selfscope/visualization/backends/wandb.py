"""Weights & Biases, online or offline. View: wandb.ai, or `wandb sync <save_dir>/wandb/offline-run-*` first."""

from __future__ import annotations

import html
import inspect
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from selfscope.errors import UsageError
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
from selfscope.visualization.backends.files import Scratch, facts_of, picture_of
from selfscope.visualization.backends.pictures import PictureBackend, package
from selfscope.visualization.backends.words import numbers_of

log = logging.getLogger(__name__)

MOST_BINS = 512
"""W&B takes no larger histogram; neighbouring bins are added up."""


class WandbVisBackend(PictureBackend):
    """Scalars, pictures, figures, histograms, tables, texts, configs; an embedding is an artifact and a picture.

    Everything is plotted over `step`, the step it was logged with. Without credentials, and unless `mode` or
    `WANDB_MODE` says otherwise, the run is kept offline below `save_dir`; a later session continues the same W&B run.
    A model's gradients are watched only when `watch_kwargs` are given; code is sent only when `log_code_name` is, or
    `init_kwargs` or `WANDB_SAVE_CODE` ask for it. What wandb itself sends besides: what the program prints, its command
    line, the installed packages, git's commit and remote, the machine's name and load; its own
    crashes it reports to its makers: `WANDB_ERROR_REPORTING=false` turns that off.
    """

    plain_arguments: ClassVar[frozenset[str]] = frozenset(
        ("define_metric_cfg", "commit", "watch_kwargs")
        + tuple(
            f"init_kwargs.{name}"
            for name in "project name notes tags group job_type id resume reinit mode=offline mode=disabled config.* "
            "config_exclude_keys config_include_keys allow_val_change".split()
        )
    )
    destination: ClassVar[str] = "your account of W&B, or the run's folder where you are not logged in"

    prepares: ClassVar[frozenset[str]] = frozenset({"graph"})

    def __init__(
        self,
        save_dir: str,
        init_kwargs: Mapping[str, Any] | None = None,
        define_metric_cfg: Mapping[str, str] | Sequence[Mapping[str, Any]] | None = None,
        commit: bool = True,
        log_code_name: str | None = None,
        watch_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(save_dir)
        self._init_kwargs = dict(init_kwargs or {})
        self._define_metric_cfg, self._commit = define_metric_cfg, commit
        self._log_code_name, self._watch_kwargs = log_code_name, watch_kwargs
        self._wandb: Any = None
        self._run: Any = None
        self._scratch: Scratch | None = None

    def _init_env(self) -> None:
        wandb = package("wandb", "wandb", "WandbVisBackend")
        folder = Path(self._save_dir or ".")
        folder.mkdir(parents=True, exist_ok=True)
        remembered = folder / "wandb_run.json"
        known = read_json(remembered)
        defaults = {
            "dir": str(folder),
            "mode": None if "mode" in self._init_kwargs else _mode(wandb, folder),
            "save_code": None if "WANDB_SAVE_CODE" in os.environ else False,  # else the account's setting decides
            **_resumed(known),
        }
        self._run = wandb.init(**{**{k: v for k, v in defaults.items() if v is not None}, **self._init_kwargs})
        write_json(remembered, {"id": self._run.id})
        self._wandb, self._scratch = wandb, Scratch("wandb")
        self._run.define_metric("step")
        self._run.define_metric("*", step_metric="step")
        for metric in _metrics(self._define_metric_cfg):
            self._run.define_metric(**metric)

    @property
    @force_init_env
    def experiment(self) -> Any:
        """The W&B run."""
        return self._run

    def prepare(self, record: Record) -> None:
        """Hooks into the model where `watch_kwargs` ask for it."""
        if isinstance(record, Graph) and self._watch_kwargs is not None and record.model is not None:
            self.experiment.watch(record.model, **self._watch_kwargs)

    def close(self) -> None:
        if self._run is not None:
            self._run.finish()
        if self._scratch is not None:
            self._scratch.remove()

    def _log(self, record: Record, values: Mapping[str, Any]) -> None:
        line = {**values, "step": getattr(record, "step", 0)}
        if record.wall_time is not None:
            line["_timestamp"] = record.wall_time
        self.experiment.log(line, commit=self._commit)

    def _add_scalars(self, record: Scalars) -> None:
        self._log(record, record.values)

    def _add_picture(self, record: Picture) -> None:
        self._log(record, {record.key: self._image(record)})

    def _image(self, record: Picture) -> Any:
        """The shared PNG as it is: wandb copies the file, and encodes nothing again."""
        assert self._scratch is not None
        return self._wandb.Image(str(self._scratch.picture(record)), caption=record.caption or None)

    def _add_page(self, record: Figure, page: bytes) -> None:
        self._log(record, {record.key: self._wandb.Html(page.decode()), **self._caption(record)})

    def _caption(self, record: Figure | Histogram | Table) -> dict[str, Any]:
        return {f"{record.key}/caption": self._text(record.caption)} if record.caption else {}

    def _text(self, text: str) -> Any:
        return self._wandb.Html(f"<pre>{html.escape(text)}</pre>", inject=False)

    def _add_histogram(self, record: Histogram) -> None:
        together = -(-len(record.counts) // MOST_BINS)
        starts = np.arange(0, len(record.counts), together)
        counts = np.add.reduceat(record.counts, starts)
        edges = np.append(record.edges[starts], record.edges[-1])
        self._log(record, {record.key: self._wandb.Histogram(np_histogram=(counts, edges)), **self._caption(record)})

    def _add_table(self, record: Table) -> None:
        rows = [list(row) for row in zip(*record.columns.values(), strict=True)]
        table = self._wandb.Table(columns=list(record.columns), data=rows, allow_mixed_types=True)
        self._log(record, {record.key: table, **self._caption(record)})

    def _add_text(self, record: Text) -> None:
        self._log(record, {record.key: self._text(record.text)})

    def _add_config(self, record: Config) -> None:
        self.experiment.config.update(plain(record.values), allow_val_change=True)
        if self._log_code_name is not None:
            self.experiment.log_code(name=self._log_code_name)

    def _add_graph(self, record: Graph) -> None:
        self._add_text(Text("graph", record.text or str(record.model), wall_time=record.wall_time))

    def _add_embedding(self, record: Embedding) -> None:
        assert self._scratch is not None
        name = "".join(c if c.isalnum() or c in "-_." else "-" for c in record.key)
        artifact = self._wandb.Artifact(f"embedding-{name}", type="embedding", metadata=facts_of(record))
        artifact.add_file(str(self._scratch.embedding(record)))
        self.experiment.log_artifact(artifact)
        self._add_plotted(record)

    def _add_plotted(self, record: Embedding | Reconstruction | Sample) -> None:
        numbers = {} if isinstance(record, Sample) else numbers_of(record)
        self._log(record, {record.key: self._image(picture_of(record)), **numbers})


def _mode(wandb: Any, folder: Path) -> str | None:
    """`offline` for someone without an account, who would be asked for a key otherwise; None: as wandb decides."""
    if os.environ.get("WANDB_MODE") or "prompt" not in inspect.signature(wandb.login).parameters:
        return None
    if wandb.login(prompt=False):
        return None
    log.warning("W&B: not logged in, so the run is kept in %s/wandb: `wandb sync` sends it later", folder)
    return "offline"


def _resumed(known: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": known["id"], "resume": "allow"} if "id" in known else {}


def _metrics(given: Mapping[str, str] | Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """MMEngine's two forms: `{metric: summary}`, or a list of arguments of `define_metric`."""
    if isinstance(given, Mapping):
        return [{"name": name, "summary": summary} for name, summary in given.items()]
    if given is None or (isinstance(given, (list, tuple)) and all(isinstance(item, Mapping) for item in given)):
        return [dict(item) for item in given or ()]
    raise UsageError(f"define_metric_cfg: expected a dict or a list of dicts, got {type(given).__name__}")
