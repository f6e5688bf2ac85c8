"""Round numbers for axes."""

from __future__ import annotations

from collections.abc import Sequence

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
    """Powers of ten from below `low` to above `high`, thinned to at most seven."""
    first, last = int(np.floor(np.log10(low) + 1e-9)), int(np.ceil(np.log10(high) - 1e-9))
    last = max(last, first + 1)
    stride = -(-(last - first) // 6)
    return [10.0**power for power in range(first, last + stride, stride)]


def tick_text(value: float, ticks: Sequence[float]) -> str:
    """The number with the decimals that tell the ticks apart; thousands have commas, extremes are written 1e-5."""
    largest = max(abs(tick) for tick in ticks)
    step = min((abs(b - a) for a, b in zip(ticks, ticks[1:], strict=False)), default=largest) or 1.0
    if value == 0:
        return "0"
    if largest >= 1e6 or largest < 1e-3:
        return f"{value:.4g}"
    decimals = max(0, -int(np.floor(np.log10(step) + 1e-9)))
    return f"{value:,.{decimals}f}"
