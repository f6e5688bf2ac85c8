"""DVCLive, as files below the run. View: the DVC extension of VS Code, or `dvc plots show` in `<save_dir>/dvclive`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import orjson

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
from selfscope.store.embeddings import embedding_columns
from selfscope.store.filenames import FreePaths, safe_name
from selfscope.store.lines import plain
from selfscope.store.tables import write_parquet
from selfscope.visualization.backends.contract import force_init_env
from selfscope.visualization.backends.files import facts_of
from selfscope.visualization.backends.pictures import PictureBackend, package


class DVCLiveVisBackend(PictureBackend):
    """Scalars, pictures by step, histograms (as bar plots) and configs (as params); all else as files beside them.

    Below `save_dir/dvclive`: `plots/metrics/<tag>.tsv`, `plots/images/<key>/<step>.png`, `params.yaml`, and under
    `artifacts` texts, graphs and captions as `.md`, tables as `.csv`, figures without a picture as `.html`, an
    embedding as Parquet and JSON. A tag under another tag (`loss/a` beside `loss`) has `.` for its `/`. Nothing is
    overwritten, and a later session goes on with the same files.

    `init_kwargs` are those of `dvclive.Live`. Neither a DVC repository nor a DVC experiment is made unless they say so
    (`save_dvc_exp=True`), and `dvc.yaml` stands beside the data. On closing, files of `save_dir` that end in
    `artifact_suffix` are tracked by DVC; none by default. DVC Studio gets what is logged if a token for it is set.
    """

    plain_arguments: ClassVar[frozenset[str]] = frozenset(
        f"init_kwargs.{name}"
        for name in "resume report save_dvc_exp cache_images exp_name exp_message monitor_system".split()
    )

    def __init__(
        self,
        save_dir: str,
        artifact_suffix: str | Sequence[str] = (),
        init_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(save_dir)
        self._artifact_suffix = (artifact_suffix,) if isinstance(artifact_suffix, str) else tuple(artifact_suffix)
        self._init_kwargs = dict(init_kwargs or {})
        self._folder = Path(self._init_kwargs.get("dir", Path(save_dir) / "dvclive"))
        self._live: Any = None
        self._names: dict[str, str] = {}
        self._free = FreePaths()

    def _init_env(self) -> None:
        dvclive = package("dvclive", "dvclive", "DVCLiveVisBackend")
        self._folder.mkdir(parents=True, exist_ok=True)
        wanted = {
            "dir": str(self._folder),
            "resume": True,  # without it, what the folder holds is deleted
            "save_dvc_exp": False,
            "dvcyaml": str(self._folder / "dvc.yaml"),
            **self._init_kwargs,
        }
        with _no_new_repository():
            self._live = dvclive.Live(**wanted)

    @property
    @force_init_env
    def experiment(self) -> Any:
        """The `dvclive.Live` object."""
        return self._live

    def flush(self) -> None:
        self.experiment.make_summary()

    def close(self) -> None:
        if self._live is None:
            return
        for path in sorted(Path(self._save_dir or ".").rglob("*")):
            if self._artifact_suffix and path.is_file() and path.name.endswith(self._artifact_suffix):
                self._live.log_artifact(str(path))
        self._live.end()

    def _add_scalars(self, record: Scalars) -> None:
        self.experiment.step = record.step
        for tag, value in record.values.items():
            self._live.log_metric(self._name(tag), float(value))

    def _name(self, tag: str) -> str:
        """The tag, unless DVCLive's tree of latest values has another number above it, or numbers below it."""
        if tag not in self._names:
            name = safe_name(tag)
            other = name.replace("/", ".") if "/" in name else f"{name}_"
            metrics = Path(self._live.plots_dir) / "metrics"
            taken = (metrics / f"{other}.tsv").exists() or not _is_free(name, self._live.summary)
            self._names[tag] = other if taken else name
        return self._names[tag]

    def _add_picture(self, record: Picture) -> None:
        self.experiment.step = record.step
        stem = Path(self._live.plots_dir) / "images" / safe_name(record.key) / str(record.step)
        path = self._free.take(stem, ".png").relative_to(Path(self._live.plots_dir) / "images")
        self._live.log_image(f"{path.as_posix()}.png", record.pixels)
        self._add_caption(record)

    def _add_page(self, record: Figure, page: bytes) -> None:
        self._place(record, "figures", ".html").write_bytes(page)
        self._add_caption(record)

    def _add_histogram(self, record: Histogram) -> None:
        edges = [f"{edge:.4g}" for edge in record.edges]
        bars = [{"bin": f"{a} … {b}", "count": n} for (a, b), n in zip(pairwise(edges), record.counts.tolist())]  # noqa: B905
        name, title = f"{safe_name(record.key)}/{record.step}", record.caption or record.key
        self.experiment.log_plot(name, bars, x="count", y="bin", template="bar_horizontal", title=title)

    def _add_table(self, record: Table) -> None:
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(record.columns)
        rows.writerows(zip(*(plain(list(column)) for column in record.columns.values()), strict=True))
        self._place(record, "tables", ".csv").write_text(text.getvalue(), encoding="utf-8")
        self._add_caption(record)

    def _add_text(self, record: Text) -> None:
        self._place(record, "texts", ".md").write_text(record.text, encoding="utf-8")

    def _add_caption(self, record: Picture | Figure | Table) -> None:
        if record.caption:
            self._place(record, "captions", ".md").write_text(record.caption, encoding="utf-8")

    def _add_config(self, record: Config) -> None:
        self.experiment.log_params(plain(record.values))

    def _add_graph(self, record: Graph) -> None:
        self._add_text(Text("graph", record.text or str(record.model)))

    def _add_embedding(self, record: Embedding) -> None:
        path = self._place(record, "embeddings", ".parquet", ".json")
        write_parquet(path, embedding_columns(record))
        path.with_suffix(".json").write_bytes(orjson.dumps(facts_of(record)))
        self._add_plotted(record)

    def _place(self, record: Any, kind: str, suffix: str, *others: str) -> Path:
        """A path below `artifacts`, where DVCLive too puts what it copies; free, also with the other suffixes."""
        stem = Path(self.experiment.artifacts_dir) / kind / safe_name(record.key) / f"step_{record.step}"
        return self._free.take(stem, suffix, *others).with_suffix(suffix)


@contextmanager
def _no_new_repository() -> Iterator[None]:
    """`Live` turns a git repository around the program into a DVC one and stages files in it: not unasked."""
    if any((folder / ".dvc").is_dir() for folder in (Path.cwd(), *Path.cwd().parents)):
        yield
        return
    with patch("dvclive.live.get_dvc_repo", return_value=None):
        yield


def _is_free(name: str, summary: Mapping[str, Any]) -> bool:
    *above, last = name.split("/")
    node: Any = summary
    for part in above:
        node = node.get(part, {})
        if not isinstance(node, Mapping):
            return False
    return not isinstance(node.get(last), Mapping)
