"""Aim, in a repository on this machine or on a server. View: `aim up --repo <save_dir>`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import orjson
from PIL import Image as PillowImage

from selfscope.records import (
    Config,
    Embedding,
    Figure,
    Graph,
    Histogram,
    Picture,
    Scalars,
    Table,
    Text,
)
from selfscope.store.claim import read_json, write_json
from selfscope.store.filenames import safe_name
from selfscope.store.lines import plain
from selfscope.visualization.backends.contract import UnsupportedRecordError, force_init_env
from selfscope.visualization.backends.files import Scratch, facts_of, name_of_run
from selfscope.visualization.backends.pictures import PictureBackend, package
from selfscope.visualization.backends.words import code_block, markdown_table

log = logging.getLogger(__name__)

MOST_BINS = 512
"""Aim takes no larger distribution."""


class AimVisBackend(PictureBackend):
    """Scalars, pictures, histograms, texts and configs (as `hparams`); an embedding is an artifact and a picture.

    Figures are pictures, or an HTML artifact where they have none; tables and graphs are Markdown texts, captions of
    histograms texts too. Aim's bins are of one width: others are spread evenly over such. At one step it keeps the
    last value of a name, it stamps everything with the time it arrives, and a name holds one kind of value.

    The repository is `save_dir`, unless `init_kwargs` (those of `aim.Run`) name a `repo`; the same `save_dir` continues
    the run. Neither the terminal nor the machine's load is recorded unless `init_kwargs` ask for it. Aim's own queries
    find a run once `aim up` or `aim storage reindex` has indexed it. Aim sends nothing anywhere.
    """

    plain_arguments: ClassVar[frozenset[str]] = frozenset(
        f"init_kwargs.{name}"
        for name in "experiment system_tracking_interval log_system_params capture_terminal_logs".split()
    )

    def __init__(self, save_dir: str | None = None, init_kwargs: Mapping[str, Any] | None = None) -> None:
        super().__init__(save_dir)
        self._folder = Path(save_dir or ".").resolve()
        self._init_kwargs = dict(init_kwargs or {})
        self._aim: Any = None
        self._run: Any = None
        self._scratch: Scratch | None = None

    def _init_env(self) -> None:
        aim = package("aim", "aim", "AimVisBackend")
        self._folder.mkdir(parents=True, exist_ok=True)
        wanted = {
            "repo": str(self._folder),
            "experiment": "selfscope",
            "system_tracking_interval": None,
            "capture_terminal_logs": False,
            **self._init_kwargs,
        }
        remembered = self._folder / "aim_run.json"
        self._aim, self._run = aim, self._begin(aim, wanted, read_json(remembered))
        write_json(remembered, {"run_hash": self._run.hash, "repo": str(wanted["repo"])})
        self._scratch = Scratch("aim")
        if self._run.artifacts_uri is None and not {"#", "?", ";"} & set(str(self._folder)):
            # Not `as_uri()`: Aim takes what follows `file://` as the path, `%20` and all.
            self._run.set_artifacts_uri(f"file://{self._folder.as_posix()}/aim_artifacts")

    def _begin(self, aim: Any, wanted: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
        """The run of an earlier session, whose lock a killed program may have left; a new one where there is none."""
        from aim.sdk.errors import MissingRunError, RunLockingError

        if "run_hash" in wanted or known.get("repo") != str(wanted["repo"]):
            known = {}
        if known:
            try:
                return aim.Run(run_hash=known["run_hash"], **wanted)
            except RunLockingError:
                return aim.Run(run_hash=known["run_hash"], force_resume=True, **wanted)
            except MissingRunError:
                log.warning("Aim: run %s is gone, so a new one begins", known["run_hash"])
                self.begins_anew = True
        run = aim.Run(**wanted)
        if "run_hash" not in wanted:
            run.name = name_of_run(self._save_dir)
        return run

    @property
    @force_init_env
    def experiment(self) -> Any:
        """The Aim run."""
        return self._run

    def close(self) -> None:
        if self._run is not None:
            self._run.close()
        if self._scratch is not None:
            self._scratch.remove()

    def _track(self, value: Any, key: str, step: int) -> None:
        try:
            self.experiment.track(value, name=key, step=step)
        except ValueError as error:
            raise UnsupportedRecordError(f"Aim: {key!r} is not kept: {error}") from error

    def _add_scalars(self, record: Scalars) -> None:
        for tag, value in record.values.items():
            self._track(float(value), tag, record.step)

    def _add_picture(self, record: Picture) -> None:
        image = self._made("Image", PillowImage.fromarray(record.pixels), caption=record.caption, format="png")
        self._track(image, record.key, record.step)

    @force_init_env
    def _made(self, kind: str, *args: Any, **kwargs: Any) -> Any:
        """An object of Aim's own."""
        return getattr(self._aim, kind)(*args, **kwargs)

    def _add_page(self, record: Figure, page: bytes) -> None:
        assert self._scratch is not None
        self._log_file("figures", record, self._scratch.keep("page.html", page))
        self._add_caption(record)

    def _add_histogram(self, record: Histogram) -> None:
        counts = evenly(record.counts, record.edges, MOST_BINS)
        span = float(record.edges[0]), float(record.edges[-1])
        self._track(self._made("Distribution", hist=counts, bin_range=span), record.key, record.step)
        self._add_caption(record)

    def _add_caption(self, record: Histogram | Figure) -> None:
        if record.caption:
            self._add_text(Text(f"{record.key}/caption", record.caption, record.step))

    def _add_table(self, record: Table) -> None:
        self._add_text(Text(record.key, markdown_table(record), record.step))

    def _add_text(self, record: Text) -> None:
        self._track(self._made("Text", record.text), record.key, record.step)

    def _add_config(self, record: Config) -> None:
        self.experiment["hparams"] = plain(record.values)
        self._add_text(Text("config", code_block(record.source, "python")))

    def _add_graph(self, record: Graph) -> None:
        self._add_text(Text("graph", code_block(record.text or str(record.model))))

    def _add_embedding(self, record: Embedding) -> None:
        self._add_plotted(record)
        assert self._scratch is not None
        self._log_file("embeddings", record, self._scratch.embedding(record))
        self._log_file("embeddings", record, self._scratch.keep("facts.json", orjson.dumps(facts_of(record))))

    def _log_file(self, kind: str, record: Any, path: Path) -> None:
        if self._run.artifacts_uri is None:
            raise UnsupportedRecordError(f"Aim keeps no files below {self._folder}: choose a path without # ? ;")
        name = f"{kind}/{safe_name(record.key)}/step_{record.step}{path.suffix}"
        self._run.log_artifact(str(path), name, block=True)


def evenly(counts: np.ndarray, edges: np.ndarray, most: int) -> np.ndarray:
    """Counts `(n,)` over bins of one width, at most so many; what a bin of another width holds is spread over it."""
    even = np.linspace(edges[0], edges[-1], min(len(counts), most) + 1)
    if len(even) == len(edges) and np.allclose(even, edges):
        return counts
    return np.diff(np.interp(even, edges, np.concatenate([[0.0], np.cumsum(counts)])))
