"""One line of a training log, as readers and scripts of MMEngine's logs know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Moment:
    """Where in the run an iteration stood; everything counts from 1."""

    step: int
    epoch: int
    inner: int
    """Iteration within the epoch."""
    length: int
    """Iterations an epoch has."""


def training_line(
    moment: Moment,
    numbers: Mapping[str, float],
    *,
    max_epochs: int | None,
    max_iters: int | None,
    by_epoch: bool,
    eta: float | None,
    digits: int = 4,
) -> str:
    """`Epoch(train)  [1][ 10/225]  lr: 1.0e-02  eta: 0:01:20  time: 0.12  data_time: 0.01  loss: 0.5`."""
    rest = dict(numbers)
    rates = [f"{name}: {rest.pop(name):.{digits}e}" for name in list(rest) if name.endswith("lr")]
    parts = [" ".join(rates)] if rates else []
    if eta is not None:
        parts.append(f"eta: {timedelta(seconds=int(eta))}")
    parts += [f"{name}: {rest.pop(name):.{digits}f}" for name in ("time", "data_time") if name in rest]
    if "memory" in rest:
        parts.append(f"memory: {rest.pop('memory'):.0f}")
    parts += [f"{name}: {value:.{digits}f}" for name, value in rest.items()]
    return f"{_place(moment, max_epochs, max_iters, by_epoch)}  {'  '.join(parts)}"


def _place(moment: Moment, max_epochs: int | None, max_iters: int | None, by_epoch: bool) -> str:
    if not by_epoch and max_iters is None:
        return f"Iter(train) [{moment.step}]"
    if not by_epoch:
        return f"Iter(train) [{moment.step:>{len(str(max_iters))}}/{max_iters}]"
    epoch = f"[{moment.epoch}]".rjust(len(str(max_epochs)) + 3)
    return f"Epoch(train){epoch}[{moment.inner:>{len(str(moment.length))}}/{moment.length}]"


def metrics_line(mode: str, metrics: Mapping[str, float], epoch: int, length: int | None, digits: int = 4) -> str:
    """`Epoch(val) [3][10/10]  accuracy: 0.9123`."""
    count = "" if length is None else f"[{length}/{length}]"
    place = f"Epoch({mode}) [{epoch}]{count}" if mode == "val" else f"Epoch({mode}) {count}".rstrip()
    return f"{place}  {'  '.join(f'{name}: {value:.{digits}f}' for name, value in metrics.items())}"
