"""How fast something goes, told once it is known: processes that start, and what they first hand over, are no rate."""

from __future__ import annotations

from collections import deque

SETTLED = 2.0
"""Seconds from the first report on before a rate means something."""
REPORTS = 3
"""So many reports at least."""
WINDOW = 30.0
"""Seconds that a rate looks back, where there are enough reports in them."""
KEPT = 8


class Rate:
    """Items a second over the last half minute, from reports of how many are done.

    What the first report tells was done while processes started, or before: it only begins the count.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def see(self, done: int, now: float) -> None:
        """Called with the items done by `now`, in seconds of a clock that does not go back."""
        if self._seen and done < self._seen[-1][1]:  # another task
            self._seen.clear()
        self._seen.append((now, done))
        while len(self._seen) > KEPT and now - self._seen[1][0] > WINDOW:
            self._seen.popleft()

    def per_second(self, now: float) -> float | None:
        """None until it is known; falls where the next report is overdue."""
        if len(self._seen) < REPORTS:
            return None
        (first, before), (last, done), steps = self._seen[0], self._seen[-1], len(self._seen) - 1
        elapsed = max(last - first, (now - first) * steps / (steps + 1))
        return (done - before) / elapsed if elapsed >= SETTLED and done > before else None


def in_words(seconds: float) -> str:
    """`40 s left`, `12 min left`, `3 h 20 min left`."""
    if seconds < 90:
        return f"{seconds:.0f} s left"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min left" if hours else f"{minutes} min left"
