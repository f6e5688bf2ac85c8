"""ClearML, online or offline. View: the server's page, where `Task.import_offline_session` sends an offline session."""

from __future__ import annotations

import io
import logging
import math
import os
from collections.abc import Mapping, Sequence
from itertools import count, pairwise
from pathlib import Path
from typing import Any, ClassVar

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

log = logging.getLogger(__name__)

FRAMEWORKS = (
    *("catboost", "fastai", "gradio", "hydra", "joblib", "jsonargparse", "lightgbm", "matplotlib", "megengine"),
    *("pytorch", "scikit", "tensorboard", "tensorflow", "tfdefines", "xgboost", "detect_repository"),
)
"""What ClearML hooks into unless told otherwise. Looking for the repository can hold up its end for 5 minutes."""


class ClearMLVisBackend(PictureBackend):
    """Scalars, pictures, histograms, tables, texts and configs; an embedding is an artifact and a picture.

    Figures are pictures, or HTML where they have none; texts, graphs and captions are `.md` files among the debug
    samples. What is no finite number is left out and counted, since ClearML makes 0 of it. ClearML stamps everything
    with the time it arrives.

    `init_kwargs` are those of `clearml.Task.init`. Where no server is set up the task is kept offline, in ClearML's
    cache (`CLEARML_CACHE_DIR`), a new one for each session; online the same `save_dir` continues the task. ClearML
    changes nothing in other libraries, reads no command line and sends no code unless `init_kwargs` ask for it. On
    closing, files in the config's `work_dir` that end in `artifact_suffix` are uploaded; none by default. It takes some
    seconds to close. A task that the program has already is used, and left open.
    """

    plain_arguments: ClassVar[frozenset[str]] = frozenset(
        f"init_kwargs.{name}"
        for name in "project_name task_name task_type tags reuse_last_task_id continue_last_task "
        "auto_resource_monitoring".split()
    )
    destination: ClassVar[str] = "the server that ClearML is set up for, or its folder on this machine without one"

    def __init__(
        self,
        save_dir: str | None = None,
        init_kwargs: Mapping[str, Any] | None = None,
        artifact_suffix: str | Sequence[str] = (),
    ) -> None:
        super().__init__(save_dir)
        self._folder = Path(save_dir or ".")
        self._init_kwargs = dict(init_kwargs or {})
        self._artifact_suffix = (artifact_suffix,) if isinstance(artifact_suffix, str) else tuple(artifact_suffix)
        self._task: Any = None
        self._is_own = True
        self._work_dir: Path | None = None
        self._scratch: Scratch | None = None
        self._numbers = count()

    def _init_env(self) -> None:
        clearml = package("clearml", "clearml", "ClearMLVisBackend")
        self._scratch = Scratch("clearml")
        self._task = clearml.Task.current_task()
        self._is_own = self._task is None
        if self._is_own:
            self._begin(clearml.Task)

    def _begin(self, task: Any) -> None:
        if not task.is_offline() and not _server_is_set_up():
            task.set_offline(True)
        self._folder.mkdir(parents=True, exist_ok=True)
        remembered = self._folder / "clearml_task.json"
        known = {} if task.is_offline() else read_json(remembered)
        wanted = {
            "project_name": "selfscope",
            "task_name": name_of_run(self._save_dir),
            "reuse_last_task_id": False,
            "continue_last_task": known.get("id", False),
            "auto_connect_frameworks": dict.fromkeys(FRAMEWORKS, False),
            "auto_connect_arg_parser": False,
            "auto_connect_streams": False,
            "auto_resource_monitoring": False,
            **self._init_kwargs,
        }
        self._task = task.init(**wanted)
        if task.is_offline():
            kept = f"{self._task.get_offline_mode_folder()}.zip"
            log.warning(
                "ClearML: no server is set up, so the task is kept in %s: `Task.import_offline_session` sends it", kept
            )
        else:
            write_json(remembered, {"id": self._task.id})

    @property
    @force_init_env
    def experiment(self) -> Any:
        """The `clearml.Task`."""
        return self._task

    def close(self) -> None:
        if self._task is not None:
            for path in self._files_of_work_dir():
                self._task.upload_artifact(path.name, str(path))
            if self._is_own:
                self._task.close()
            else:
                self._task.flush(wait_for_uploads=True)
        if self._scratch is not None:
            self._scratch.remove()

    @property
    def _logger(self) -> Any:
        return self.experiment.get_logger()

    def _add_scalars(self, record: Scalars) -> None:
        logger = self._logger
        for tag, value in record.values.items():
            if math.isfinite(value):
                logger.report_scalar(tag, tag, float(value), record.step)
        if not all(map(math.isfinite, record.values.values())):
            raise UnsupportedRecordError("ClearML makes 0 of a number that is not finite, so it was left out")

    def _add_picture(self, record: Picture) -> None:
        """The shared PNG as it is; its upload goes on in the background, so each has a file of its own."""
        assert self.experiment is not None
        assert self._scratch is not None
        path = self._scratch.picture(record, f"{next(self._numbers)}.png")
        self._logger.report_image(
            record.key, record.key, record.step, str(path), max_image_history=-1, delete_after_upload=True
        )
        self._add_caption(record)

    def _add_page(self, record: Figure, page: bytes) -> None:
        self._report_text(record.key, page.decode(), ".html", record.step)
        self._add_caption(record)

    def _add_histogram(self, record: Histogram) -> None:
        bins = [f"{low} … {high}" for low, high in pairwise(f"{edge:.4g}" for edge in record.edges)]
        counts = record.counts.tolist()
        self._logger.report_histogram(record.key, record.key, counts, record.step, xlabels=bins)
        self._add_caption(record)

    def _add_table(self, record: Table) -> None:
        rows = [plain(list(row)) for row in zip(*record.columns.values(), strict=True)]
        table = [[str(name) for name in record.columns], *rows]
        self._logger.report_table(record.key, record.key, record.step, table_plot=table)
        self._add_caption(record)

    def _add_text(self, record: Text) -> None:
        self._report_text(record.key, record.text, ".md", record.step)

    def _add_caption(self, record: Picture | Figure | Histogram | Table) -> None:
        if record.caption:
            self._report_text(f"{record.key}/caption", record.caption, ".md", record.step)

    def _report_text(self, key: str, text: str, suffix: str, step: int) -> None:
        self._logger.report_media(
            key, key, step, stream=io.BytesIO(text.encode()), file_extension=suffix, max_history=-1
        )

    def _add_config(self, record: Config) -> None:
        values = plain(record.values)
        self._work_dir = Path(values["work_dir"]).resolve() if values.get("work_dir") else None
        self.experiment.connect_configuration(values, name="config")

    def _add_graph(self, record: Graph) -> None:
        self._report_text("graph", record.text or str(record.model), ".md", 0)

    def _add_embedding(self, record: Embedding) -> None:
        assert self.experiment is not None
        assert self._scratch is not None
        path = self._scratch.embedding(record, f"{next(self._numbers)}.parquet")
        name = f"{safe_name(record.key).replace('/', '-')}-{record.step}"
        self._task.upload_artifact(name, str(path), metadata=_texts(facts_of(record)), wait_on_upload=True)
        self._add_plotted(record)

    def _files_of_work_dir(self) -> list[Path]:
        if self._work_dir is None or not self._work_dir.is_dir() or not self._artifact_suffix:
            return []
        found = (path for path in self._work_dir.rglob("*") if path.name.endswith(self._artifact_suffix))
        return sorted(path for path in found if path.is_file())


def _server_is_set_up() -> bool:
    """Whether ClearML has keys for a server, or a file that may hold them; asked without it, it would raise."""
    files = (os.environ.get("CLEARML_CONFIG_FILE") or "~/clearml.conf", "~/trains.conf")
    return bool(os.environ.get("CLEARML_API_ACCESS_KEY")) or any(Path(file).expanduser().is_file() for file in files)


def _texts(facts: Mapping[str, Any]) -> dict[str, str]:
    """`settings.perplexity: "30.0"`: an artifact's metadata are texts by name."""
    flat = {}
    for name, value in facts.items():
        if isinstance(value, Mapping):
            flat.update({f"{name}.{inner}": str(item) for inner, item in value.items()})
        else:
            flat[name] = str(value)
    return flat
