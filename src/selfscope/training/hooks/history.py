"""The last values of every number that is logged, and their means, as OpenMMLab's `log_processor` asks for them."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import islice
from typing import Any

from selfscope.errors import ConfigError, nearest

LONGEST = 1_000_000
"""Values kept where a window is `epoch` or `global`; MMEngine's own bound."""
METHODS: dict[str, Callable[[list[float]], float]] = {
    "mean": lambda values: sum(values) / len(values),
    "max": max,
    "min": min,
    "current": lambda values: values[-1],
}


@dataclass(frozen=True)
class Statistic:
    """A further number: `method_name` of the last `window_size` values of `data_src`, logged as `log_name`."""

    data_src: str
    log_name: str
    method_name: str = "mean"
    window_size: int | str | None = None
    """Iterations, `epoch`, `global`, or None: all that is kept."""


@dataclass(frozen=True)
class LogProcessor:
    """How numbers become a console line: MMEngine's entry `log_processor` of a config.

    The line shows means over `window_size` iterations of what matches `mean_pattern`, else the newest value. The run
    keeps each step's own value, which is the same after a resume; a `custom_cfg` entry adds a smoothed number to both.
    """

    window_size: int = 10
    by_epoch: bool | None = None
    """`Epoch(train) [1][10/225]` or `Iter(train) [10/1000]`; None: as the loop counts."""
    num_digits: int = 4
    log_with_hierarchy: bool = False
    """Tags in the run begin with `train/` or `val/`."""
    mean_pattern: str = r".*(loss|time|data_time|grad_norm).*"
    custom_cfg: tuple[Statistic, ...] = field(default=())

    @classmethod
    def from_config(cls, config: Mapping[str, Any] | None) -> LogProcessor:
        """From a config's dict; what it cannot mean is refused with file and line."""
        given = {key: value for key, value in (config or {}).items() if key != "type"}
        known = [one.name for one in fields(cls)]
        unknown = next((key for key in given if key not in known), None)
        if unknown is not None:
            raise _refusal(config, f"log_processor takes no argument {unknown!r}.{nearest(unknown, known)}", unknown)
        given["custom_cfg"] = _statistics(config, given.get("custom_cfg") or ())
        window = given.get("window_size", 10)
        if not isinstance(window, int) or isinstance(window, bool) or window < 1:
            raise _refusal(config, f"log_processor: window_size must be a whole number above 0, got {window!r}")
        return cls(**given)

    @property
    def longest(self) -> int:
        """How many values of each number must be kept."""
        windows = [statistic.window_size for statistic in self.custom_cfg]
        if any(not isinstance(window, int) for window in windows):
            return LONGEST
        return max([self.window_size, *(window for window in windows if isinstance(window, int))])


class History:
    """The last values of each number, in the order in which the numbers first came."""

    def __init__(self, processor: LogProcessor) -> None:
        self._processor = processor
        self._smooth = re.compile(processor.mean_pattern)
        self._values: dict[str, deque[float]] = {}

    def add(self, numbers: Mapping[str, float]) -> None:
        for name, value in numbers.items():
            if name not in self._values:
                self._values[name] = deque(maxlen=self._processor.longest)
            self._values[name].append(value)

    def smoothed(self, names: Sequence[str]) -> dict[str, float]:
        """What the console line shows of each number: the mean of the window, or the newest value."""
        window = self._processor.window_size
        return {
            name: self._mean(name, window) if self._smooth.search(name) else self._values[name][-1] for name in names
        }

    def statistics(self, step: int, inner: int) -> dict[str, float]:
        """The further numbers that `custom_cfg` asks for, at iteration `step` of the run and `inner` of its epoch."""
        sizes = {"epoch": inner, "global": step, None: LONGEST}
        found = {}
        for one in self._processor.custom_cfg:
            if one.data_src in self._values:
                size = one.window_size if isinstance(one.window_size, int) else sizes[one.window_size]
                found[one.log_name] = float(METHODS[one.method_name](self._last(one.data_src, size)))
        return found

    def _mean(self, name: str, window: int) -> float:
        values = self._last(name, window)
        return sum(values) / len(values)

    def _last(self, name: str, window: int) -> list[float]:
        return list(islice(reversed(self._values[name]), window))[::-1]


def _statistics(config: Any, entries: Sequence[Any]) -> tuple[Statistic, ...]:
    made = []
    for entry in entries:
        if isinstance(entry, Statistic):
            made.append(entry)
            continue
        values = dict(entry)
        source = values.get("data_src")
        if source is None:
            raise _refusal(config, f"log_processor: custom_cfg needs data_src=…, the number to smooth, got {values}")
        if source == "":
            continue  # MMSelfSup's default_runtime has one such entry, which matches no number
        known = [one.name for one in fields(Statistic)]
        unknown = next((key for key in values if key not in known), None)
        if unknown is not None:
            raise _refusal(config, f"log_processor: custom_cfg takes no {unknown!r}.{nearest(unknown, known)}")
        statistic = Statistic(**{"log_name": source, **values})
        size = statistic.window_size
        if statistic.method_name not in METHODS:
            raise _refusal(config, f"log_processor: method_name must be one of {', '.join(METHODS)}, got {values}")
        if not (size in ("epoch", "global", None) or (isinstance(size, int) and size > 0)):
            raise _refusal(config, f"log_processor: window_size must be a number, 'epoch' or 'global', got {values}")
        made.append(statistic)
    names = [statistic.log_name for statistic in made]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise _refusal(config, f"log_processor: custom_cfg names {twice!r} twice: give one a log_name of its own")
    return tuple(made)


def _refusal(config: Any, message: str, key: str | None = None) -> ConfigError:
    place = getattr(config, "origin_of", None)
    file, line = place(key) if place and key else getattr(config, "origin", (None, None))
    return ConfigError(message, file=file, line=line)
