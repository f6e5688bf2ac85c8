"""Round numbers for axes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np


def nice_ticks(low: float, high: float, count: int = 6) -> list[float]:
    """About `count` multiples of 1, 2 or 5 times a power of ten, from below `low` to above `high`."""
    if not high > low:
        return [low]
    raw = (high - low) / max(1, count - 1)
    power = 10.0 ** np.floor(np.log10(raw))
    step = power * min((1, 2, 5, 10), key=lambda m: abs(np.log(m * power / raw)))
    first, last = int(np.floor(low / step + 1e-9)), int(np.ceil(high / step - 1e-9))
    return [round(i * step, 12) if abs(step) > 1e-9 else i * step for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten from below `low` to above `high`, at most eight; within two decades 1, 2 and 5 times these."""
    first, last = int(np.floor(np.log10(low) + 1e-9)), int(np.ceil(np.log10(high) - 1e-9))
    if np.log10(high / low) <= 2:
        fine = [m * 10.0**power for power in range(first, last + 2) for m in (1, 2, 5)]
        start = max(i for i, tick in enumerate(fine) if tick <= low * (1 + 1e-9))
        end = next(i for i, tick in enumerate(fine) if tick >= high * (1 - 1e-9) and i > start)
        return fine[start : end + 1]
    stride = -(-(last - first) // 6)
    return [10.0**power for power in range(first, last + stride, stride)]


def tick_text(value: float, ticks: Sequence[float]) -> str:
    """The number with the decimals that tell the ticks apart: `0.25`, `40,000`, `2.5M`, `3e-7`."""
    largest = max(abs(tick) for tick in ticks)
    step = min((abs(b - a) for a, b in pairwise(ticks)), default=largest) or 1.0
    if value == 0:
        return "0"
    if largest >= 1e9 or largest < 1e-3:
        mantissa, _, exponent = f"{value:.3e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    unit, suffix = (1e6, "M") if largest >= 1e6 else (1.0, "")
    return f"{value / unit:,.{_decimals(step / unit)}f}{suffix}"


def _decimals(step: float) -> int:
    """As many as `step` needs, three at most beyond its first digit."""
    first = max(0, -int(np.floor(np.log10(step) + 1e-9)))
    return next((n for n in range(first, first + 3) if abs(round(step, n) - step) < 1e-6 * step), first + 2)
