"""Reads a run folder, finished, running or cut short: scalars as arrays, everything else as records."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
import orjson

from selfscope.errors import RunError, nearest
from selfscope.plain_numbers import RESERVED_TAGS
from selfscope.records import Embedding, Reconstruction, Sample
from selfscope.statistics import AugmentationStats
from selfscope.store.claim import is_alive, read_json
from selfscope.store.entries import Entry, entry_of
from selfscope.store.files import Layout
from selfscope.store.lines import is_placed, number_of, parse_lines, paused_collector, read_lines

log = logging.getLogger(__name__)
R = TypeVar("R")


@dataclass(frozen=True, eq=False)
class Series:
    """One tag over time, in the order it was logged: three arrays `(n,)`."""

    step: np.ndarray
    """int64."""
    wall_time: np.ndarray
    """float64, seconds since the epoch; NaN where the line has none."""
    value: np.ndarray
    """float64."""

    def __len__(self) -> int:
        return len(self.step)

    def __repr__(self) -> str:
        return f"Series({len(self)} values)"


class Records(Mapping[str, R]):
    """Records of one kind by name, each read when it is asked for."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self.entries = entries

    def __getitem__(self, name: str) -> R:
        if name not in self.entries:
            raise KeyError(f"no {name!r} here.{nearest(name, self.entries)}")
        return self.entries[name].load()  # type: ignore[return-value]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        return f"Records({list(self.entries)})"


class Run:
    """What one run folder holds, read anew at every access, so that a running run can be followed.

    `problems` collects sentences about what could not be read (a line torn by a crash, …); each is logged once.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: tuple[str, ...] = ()

    @property
    def info(self) -> dict[str, Any]:
        """`run.json`: name, start, versions, seed, config hash, status as it was written last."""
        return read_json(self.path / "run.json")

    @property
    def name(self) -> str:
        return str(self.info.get("name", self.path.name))

    @property
    def status(self) -> str:
        """`running`, `finished`, `failed`, `interrupted` (also: its process is gone), or `unknown`."""
        status = str(self.info.get("status", "unknown"))
        return "interrupted" if status == "running" and not is_alive(self.path) else status

    @property
    def layout(self) -> Layout:
        noted = self.info.get("layout")
        try:
            return Layout.of_note(noted) if noted else Layout()
        except RunError as error:
            raise RunError(f"{self.path / 'run.json'}: {error}") from error

    @property
    def data(self) -> Path:
        """The folder of scalars, config and media."""
        return self.path / self.layout.data

    @overload
    def scalars(self, tag: str) -> Series: ...
    @overload
    def scalars(self, tag: None = None) -> dict[str, Series]: ...
    def scalars(self, tag: str | None = None) -> Series | dict[str, Series]:
        """One tag's series, or all by tag; a tag that was never logged is refused with the nearest.

        Where a resumed run goes back to a step and logs it anew, what it had logged from there on is left out: the
        curve is one curve. The file keeps both.
        """
        path = self.data / self.layout.scalars
        lines, torn = read_lines(path)
        if tag is not None and tag.isascii():
            needle = orjson.dumps(tag) + b":"
            lines = [line for line in lines if needle in line]
        with paused_collector():
            parsed, broken = parse_lines(lines)
            objects, steps, times = _placed(parsed)
            self._report_torn(path, torn + broken + len(parsed) - len(objects))
            resumed = _seconds(self.info.get("resumed", ()))
            if tag is None:
                everything = _all_series(objects, steps, times)
                return {name: _without_redone(series, resumed) for name, series in everything.items()}
            series = _without_redone(_one_series(objects, steps, times, tag), resumed)
        if not len(series):
            hint = nearest(tag, _tags(parse_lines(read_lines(path)[0])[0]))
            raise RunError(f"{self.path}: no scalar {tag!r} was logged.{hint}")
        return series

    def media(self, kind: str | None = None) -> tuple[Entry, ...]:
        """The index of all that is not scalars, or of one kind, in the order of logging."""
        path = self.data / "media.jsonl"
        if not path.exists():
            found = self._pictures_without_index()
        else:
            lines, torn = read_lines(path)
            objects, broken = parse_lines(lines)
            self._report_torn(path, torn + broken)
            found = [entry for line in objects if (entry := self._entry(line)) is not None]
        return tuple(entry for entry in found if kind in (None, entry.kind))

    @property
    def pictures(self) -> tuple[Entry, ...]:
        return self.media("picture")

    @property
    def figures(self) -> tuple[Entry, ...]:
        return self.media("figure")

    @property
    def histograms(self) -> tuple[Entry, ...]:
        return self.media("histogram")

    @property
    def tables(self) -> tuple[Entry, ...]:
        return self.media("table")

    @property
    def texts(self) -> tuple[Entry, ...]:
        return self.media("text")

    @property
    def config(self) -> Any:
        """The config that was logged last, as `load_config` gives it; None when there is none."""
        from selfscope.config.reader import load_config

        logged = self.media("config")
        path = logged[-1].path if logged else self.data / self.layout.config
        return load_config(path) if path.exists() else None

    @property
    def embeddings(self) -> Records[Embedding]:
        """Maps by the name of their folder."""
        return self._records("embedding", "embeddings")

    @property
    def reconstructions(self) -> Records[Reconstruction]:
        """Reconstructions by `<collection>/<key>`."""
        return self._records("reconstruction", "reconstructions")

    @property
    def samples(self) -> Records[Sample]:
        """Samples by `<collection>/<key>`."""
        return self._records("sample", "browse")

    @property
    def statistics(self) -> Records[AugmentationStats]:
        """What pipelines do over many draws, by the name of their folder; `<name>/stats_<step>` at a step."""
        root = self.path / "browse"
        entries = [entry for entry in self.media("statistics") if entry.path.is_relative_to(root)]
        paths = {entry.path.relative_to(root): entry for entry in entries}
        first = {path.parent if path.stem == "stats" else path.with_suffix(""): e for path, e in paths.items()}
        return Records({path.as_posix(): entry for path, entry in first.items()})

    def _records(self, kind: str, folder: str) -> Records[Any]:
        root = self.path / folder
        entries = [entry for entry in self.media(kind) if entry.path.is_relative_to(root)]
        return Records({e.path.relative_to(root).as_posix().removesuffix(".png"): e for e in entries})

    def _entry(self, line: dict[str, Any]) -> Entry | None:
        try:
            return entry_of(line, self.path)
        except RunError as error:
            self._report(f"{error}; it is left out")
            return None

    def _pictures_without_index(self) -> list[Entry]:
        """Pictures of a folder that MMEngine wrote: `<name>_<step>.png`."""
        root = self.data / self.layout.pictures
        found = []
        for path in sorted(root.rglob("*.png")):
            key, _, step = path.relative_to(root).as_posix().removesuffix(".png").rpartition("_")
            if key and step.isdigit():
                found.append(Entry("picture", key, int(step), path.stat().st_mtime, path))
        return found

    def _report_torn(self, path: Path, count: int) -> None:
        if count:
            lines = "1 line was" if count == 1 else f"{count} lines were"
            self._report(f"{path}: {lines} incomplete and skipped")

    def _report(self, sentence: str) -> None:
        if sentence not in self.problems:
            log.warning(sentence)
            self.problems += (sentence,)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {self.status})"


def open_run(path: str | Path) -> Run:
    """Opens a run folder, or its `vis_data`, for reading; also one that MMEngine's local backend wrote."""
    root = Path(path)
    if not root.is_dir():
        raise RunError(f"{root}: no such folder")
    for candidate in (root, root.parent) if root.name == "vis_data" else (root,):
        if is_run(candidate):
            return Run(candidate)
    inside = sorted(p.parent for p in root.glob("*/run.json"))
    held = f"{len(inside)} runs, the last is" if len(inside) > 1 else "the run"
    hint = f": it holds {held} {inside[-1]}" if inside else ": it has no run.json"
    raise RunError(f"{root}: is not a run folder{hint}")


def is_run(path: Path) -> bool:
    """Whether a folder is a run: ours by `run.json`, MMEngine's by `vis_data/scalars.json`."""
    return (path / "run.json").is_file() or (path / "vis_data" / "scalars.json").is_file()


def _tags(objects: list[dict[str, Any]]) -> list[str]:
    seen: dict[str, None] = {}
    for line in objects:
        seen.update(dict.fromkeys(line))
    return [name for name in seen if name not in RESERVED_TAGS]


def _placed(lines: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], np.ndarray, np.ndarray]:
    """The lines whose steps and times are numbers, with these as arrays."""
    try:
        steps, times = _axes(lines)
    except (TypeError, ValueError, OverflowError):  # written by someone else
        lines = [line for line in lines if is_placed(line)]
        steps, times = _axes(lines)
    return lines, steps, times


def _axes(lines: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    steps = np.array([line.get("step", 0) for line in lines], np.int64)
    times = np.array([line.get("_t", math.nan) for line in lines], np.float64)
    if not steps.ndim == times.ndim == 1:
        raise ValueError("steps and times are numbers")
    return steps, times


def _all_series(objects: list[dict[str, Any]], steps: np.ndarray, times: np.ndarray) -> dict[str, Series]:
    """Every tag that is one number a line; MMEngine also writes lists there, which are no series."""
    where: defaultdict[str, list[int]] = defaultdict(list)
    values: defaultdict[str, list[float]] = defaultdict(list)
    for i, line in enumerate(objects):
        for tag, value in line.items():
            number = number_of(value) if value.__class__ is str else value
            if isinstance(number, (int, float)):
                where[tag].append(i)
                values[tag].append(number)
    tags = [tag for tag in values if tag not in RESERVED_TAGS]
    return {tag: Series(steps[where[tag]], times[where[tag]], np.array(values[tag], np.float64)) for tag in tags}


def _one_series(objects: list[dict[str, Any]], steps: np.ndarray, times: np.ndarray, tag: str) -> Series:
    numbers = [number_of(line.get(tag)) for line in objects]
    where = [i for i, number in enumerate(numbers) if isinstance(number, (int, float))]
    return Series(steps[where], times[where], np.array([numbers[i] for i in where], np.float64))


def _seconds(stamps: Iterable[str]) -> list[float]:
    """Since the epoch."""
    return [datetime.fromisoformat(stamp).timestamp() for stamp in stamps]


def _without_redone(series: Series, resumed: Sequence[float]) -> Series:
    """Without values at steps that a later session of the run came to again, which began at one of `resumed`."""
    steps, times, kept = series.step, series.wall_time, np.ones(len(series), bool)
    if not resumed or len(series) < 2:
        return series
    back = np.flatnonzero(steps[1:] <= np.maximum.accumulate(steps)[:-1]) + 1
    for i in back:
        if any(times[i - 1] <= start <= times[i] for start in resumed):
            kept[:i] &= steps[:i] < steps[i]
    return series if kept.all() else Series(steps[kept], times[kept], series.value[kept])
