"""MLflow, in a database below the run or on a server. View: `mlflow ui --backend-store-uri sqlite:///<its path>`."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import orjson

from selfscope.errors import MissingExtraError
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
from selfscope.store.claim import read_json, write_json
from selfscope.store.figures import draw_figure
from selfscope.store.filenames import safe_name
from selfscope.store.lines import plain
from selfscope.visualization.backends.contract import force_init_env
from selfscope.visualization.backends.files import Scratch, facts_of, name_of_run
from selfscope.visualization.backends.pictures import PictureBackend, package

log = logging.getLogger(__name__)

MOST_METRICS, MOST_PARAMS = 1000, 100
"""What MLflow takes in one call."""

LONGEST_PARAM, LONGEST_TAG = 6000, 8000
"""Characters after which MLflow cuts; its list of a run's tables is a tag."""

THINNEST = 200
"""A picture this many times longer than wide has no thumbnail, and so is no image to MLflow, only a file."""


class MLflowVisBackend(PictureBackend):
    """Scalars, pictures by step, tables, configs as params; all else as artifacts, in a folder of its kind.

    Texts, graphs and captions are text artifacts, figures PNG, SVG or HTML, histograms JSON, an embedding Parquet and
    JSON; what can be drawn is a picture too, and its numbers scalars. Infinities become the largest float. A tag that
    MLflow refuses gets `_` for what it refuses, and a hash. A param keeps its first value: `config.py` has the latest.

    `tracking_uri` is by default `MLFLOW_TRACKING_URI`, and without it `mlflow.db` in `save_dir`, whose tables take
    some seconds to make. `experiment` is an `MlflowClient`, `run_id` the run: no active run is set or ended. The same
    `save_dir` continues the run. On closing, files in the config's `work_dir` that end in `artifact_suffix`
    are logged; none by default, since that may send code.
    MLflow reports its use to its makers: `MLFLOW_DISABLE_TELEMETRY=true` turns that off.
    """

    plain_arguments: ClassVar[frozenset[str]] = frozenset(
        ("exp_name", "run_name", "tags", "params", "tracked_config_keys")
    )
    destination: ClassVar[str] = "the server of your MLFLOW_TRACKING_URI, or the run's folder without one"

    def __init__(
        self,
        save_dir: str,
        exp_name: str | None = None,
        run_name: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        tracking_uri: str | None = None,
        artifact_suffix: str | Sequence[str] = (),
        tracked_config_keys: Sequence[str] | None = None,
        artifact_location: str | None = None,
    ) -> None:
        super().__init__(save_dir)
        self._exp_name, self._run_name = exp_name or "selfscope", run_name or name_of_run(save_dir)
        self._tags, self._params = dict(tags or {}), dict(params or {})
        self._tracking_uri, self._artifact_location = tracking_uri, artifact_location
        self._artifact_suffix = (artifact_suffix,) if isinstance(artifact_suffix, str) else tuple(artifact_suffix)
        self._tracked_config_keys = tracked_config_keys
        self._client: Any = None
        self._run_id = ""
        self._work_dir: Path | None = None
        self._taken: dict[str, set[str]] = {}
        self._scratch: Scratch | None = None

    def _init_env(self) -> None:
        mlflow = package("mlflow", "mlflow", "MLflowVisBackend")
        folder = Path(self._save_dir or ".").resolve()
        folder.mkdir(parents=True, exist_ok=True)
        uri = self._tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
        if uri is None:
            uri = _database(folder / "mlflow.db")
            self._artifact_location = self._artifact_location or (folder / "mlartifacts").as_uri()
        self._client, self._scratch = mlflow.MlflowClient(tracking_uri=uri), Scratch("mlflow")
        remembered = folder / "mlflow_run.json"
        known = read_json(remembered)
        if known.get("tracking_uri") != uri or not self._continue(known["run_id"]):
            self._begin()
            write_json(remembered, {"run_id": self._run_id, "tracking_uri": uri})
        for name, value in self._tags.items():
            self._client.set_tag(self._run_id, name, value)
        self._log_params(self._params)

    def _continue(self, run_id: str) -> bool:
        """Whether the run is still there; it counts as running again."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.update_run(run_id, status="RUNNING")
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            log.warning("MLflow: run %s is gone, so a new one begins", run_id)
            self.begins_anew = True
            return False
        self._run_id = run_id
        return True

    def _begin(self) -> None:
        experiment = self._client.get_experiment_by_name(self._exp_name)
        if experiment is None:
            experiment_id = self._client.create_experiment(self._exp_name, artifact_location=self._artifact_location)
        else:
            experiment_id = experiment.experiment_id
        self._run_id = self._client.create_run(experiment_id, run_name=self._run_name).info.run_id

    @property
    @force_init_env
    def experiment(self) -> Any:
        """The `MlflowClient`; its calls want `run_id`."""
        return self._client

    @property
    @force_init_env
    def run_id(self) -> str:
        return self._run_id

    def close(self) -> None:
        if self._client is not None:
            for path in self._files_of_work_dir():
                folder = path.parent.relative_to(self._work_dir or path.parent).as_posix()
                self._client.log_artifact(self._run_id, str(path), None if folder == "." else folder)
            self._client.set_terminated(self._run_id)
        if self._scratch is not None:
            self._scratch.remove()

    def _add_scalars(self, record: Scalars) -> None:
        from mlflow.entities import Metric

        when = _milliseconds(record)
        metrics = [Metric(_name(tag), float(value), when, record.step) for tag, value in record.values.items()]
        for part in _parts(metrics, MOST_METRICS):
            self.experiment.log_batch(self._run_id, metrics=part)

    def _add_picture(self, record: Picture) -> None:
        height, width, _ = record.pixels.shape
        if max(height, width) > THINNEST * min(height, width):
            assert self._scratch is not None
            file = self._free(record, "images", ".png")
            self._log_file(self._scratch.picture(record, PurePosixPath(file).name), file)
        else:
            key, when = _name(record.key, r"[^a-zA-Z0-9_\-./ ]", most=120), _milliseconds(record)
            self.experiment.log_image(
                self._run_id, record.pixels, key=key, step=record.step, timestamp=when, synchronous=True
            )
        self._add_caption(record)

    def _add_figure(self, record: Figure) -> None:
        super()._add_figure(record)
        for suffix, data in draw_figure(record).files.items():
            self._log_bytes(data, self._free(record, "figures", suffix))

    def _add_page(self, record: Figure, page: bytes) -> None:
        self._add_caption(record)

    def _add_caption(self, record: Picture | Figure | Table) -> None:
        if record.caption:
            self.experiment.log_text(self._run_id, record.caption, self._free(record, "captions", ".txt"))

    def _add_histogram(self, record: Histogram) -> None:
        values = {"counts": plain(record.counts), "edges": plain(record.edges), "caption": record.caption}
        self._log_bytes(orjson.dumps(values), self._free(record, "histograms", ".json"))

    def _add_table(self, record: Table) -> None:
        """A table of MLflow's, as long as its list of them has room for one more."""
        columns = {str(name): plain(list(values)) for name, values in record.columns.items()}
        file = self._free(record, "tables", ".json")
        listed = self.experiment.get_run(self._run_id).data.tags.get("mlflow.loggedArtifacts", "")
        if len(listed) + len(file) + 50 < LONGEST_TAG:
            self.experiment.log_table(self._run_id, columns, file)
        else:
            rows = [list(row) for row in zip(*columns.values(), strict=True)]
            self._log_bytes(orjson.dumps({"columns": list(columns), "data": rows}), file)
        self._add_caption(record)

    def _add_text(self, record: Text) -> None:
        self.experiment.log_text(self._run_id, record.text, self._free(record, "texts", ".md"))

    def _add_config(self, record: Config) -> None:
        values = dict(record.values)
        self._work_dir = Path(values["work_dir"]).resolve() if values.get("work_dir") else None
        if self._tracked_config_keys is not None:
            values = {key: values[key] for key in self._tracked_config_keys if key in values}
        self._log_params(dict(_flat(values)))
        self.experiment.log_text(self._run_id, record.source, "config.py")

    def _add_graph(self, record: Graph) -> None:
        self.experiment.log_text(self._run_id, record.text or str(record.model), "graph.txt")

    def _add_embedding(self, record: Embedding) -> None:
        assert self._scratch is not None
        file = self._free(record, "embeddings", ".parquet")
        self._log_file(self._scratch.embedding(record, PurePosixPath(file).name), file)
        self._log_bytes(orjson.dumps(facts_of(record)), self._free(record, "embeddings", ".json"))
        self._add_plotted(record)

    def _log_params(self, values: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        if not values:
            return
        known = self._client.get_run(self._run_id).data.params
        given = {_name(key): str(value) for key, value in values.items()}
        changed = [key for key in given if key in known and known[key] != given[key][:LONGEST_PARAM]]
        if changed:
            log.warning("MLflow: %s: a param keeps its first value; config.py has the new one", ", ".join(changed))
        for part in _parts([Param(key, value) for key, value in given.items() if key not in known], MOST_PARAMS):
            self._client.log_batch(self._run_id, params=part)

    def _log_bytes(self, data: bytes, file: str) -> None:
        assert self._scratch is not None
        self._log_file(self._scratch.keep(PurePosixPath(file).name, data), file)

    def _log_file(self, path: Path, file: str) -> None:
        self.experiment.log_artifact(self._run_id, str(path), str(PurePosixPath(file).parent))
        path.unlink()

    def _free(self, record: Any, kind: str, suffix: str) -> str:
        """`<kind>/<key>/step_<step><suffix>`, or the first of `step_<step>-1`, … that no earlier record has."""
        folder = f"{kind}/{safe_name(record.key)}"
        if folder not in self._taken:
            files = self.experiment.list_artifacts(self._run_id, folder)
            self._taken[folder] = {PurePosixPath(file.path).name for file in files}
        count, name = 0, f"step_{record.step}{suffix}"
        while name in self._taken[folder]:
            count += 1
            name = f"step_{record.step}-{count}{suffix}"
        self._taken[folder].add(name)
        return f"{folder}/{name}"

    def _files_of_work_dir(self) -> list[Path]:
        """What `artifact_suffix` names, except MLflow's own files."""
        if self._work_dir is None or not self._work_dir.is_dir():
            return []
        own = Path(self._save_dir or ".").resolve() / "mlartifacts"
        found = (path for path in self._work_dir.rglob("*") if path.name.endswith(self._artifact_suffix))
        return sorted(path for path in found if path.is_file() and own not in path.parents)


def _database(path: Path) -> str:
    """The URI of a SQLite file; a reduced MLflow (`mlflow-skinny`) has no packages for one, and serves only servers."""
    try:
        import_module("alembic")  # MLflow makes its tables with it
        from sqlalchemy import URL
    except ImportError as error:
        raise MissingExtraError("mlflow", "mlflow", "MLflowVisBackend without a server") from error
    return URL.create("sqlite", database=path.as_posix()).render_as_string()


def _name(tag: str, refused: str = r"[^/\w.\- ]", most: int = 240) -> str:
    """The tag itself where MLflow takes it; otherwise what is nearest to it, and a hash so that no two become one."""
    parts = [part for part in tag.split("/") if part not in ("", ".", "..")]
    name = re.sub(refused, "_", "/".join(parts))[:most]
    if name == tag:
        return name
    return f"{name}-{blake2b(tag.encode(errors='surrogatepass'), digest_size=3).hexdigest()}"


def _milliseconds(record: Record) -> int:
    return int(1000 * (time.time() if record.wall_time is None else record.wall_time))


def _parts(items: Sequence[Any], most: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), most):
        yield list(items[start : start + most])


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """`a.b.c` and values; a list that holds dicts is counted through, as MMEngine does."""
    for key, value in values.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        elif isinstance(value, (list, tuple)) and any(isinstance(item, Mapping) for item in value):
            yield from _flat({str(i): item for i, item in enumerate(value)}, f"{name}.")
        else:
            yield name, value
