"""What a person at the terminal reads: progress with rate and time left, results, one-sentence errors."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from selfscope.cli.rate import Rate, in_words

if TYPE_CHECKING:
    from rich.console import Console

    from selfscope.views.progress import Progress


def console(stderr: bool = False) -> Console:
    """Plain text wherever the output is not a terminal; lines are not broken there."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal:
        made = Console(stderr=stderr, highlight=False, soft_wrap=True)
    return made


def counted(count: int, thing: str) -> str:
    """`1 picture`, `2 pictures`."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def say(text: str) -> None:
    console().print(text, markup=False)


def say_error(text: str) -> None:
    console(stderr=True).print(f"selfscope: {text}", markup=False, style="bold red")


QUIET_SECONDS = 10.0
"""Between two lines of progress where the output is no terminal."""


@contextmanager
def progress_bar(title: str, unit: str = "images", *, carried: bool = False) -> Iterator[Progress]:
    """Count, rate and time left on standard error, these once they are known: a bar on a terminal, elsewhere a line now
    and then.

    With `carried` the first call tells what an earlier process did, which is no part of this one's rate.
    """
    screen = console(stderr=True)
    if screen.is_terminal:
        with _bar(title, unit, screen, carried) as update:
            yield update
        return
    lines = _Lines(title, unit, screen, carried)
    yield lines
    lines.finish()


@contextmanager
def _bar(title: str, unit: str, screen: Console, carried: bool) -> Iterator[Progress]:
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn
    from rich.progress import Progress as Bar
    from rich.text import Text

    speed = Rate()

    class Speed(ProgressColumn):
        """Looked at when it is shown, so that a rate falls where nothing comes."""

        def render(self, task: Task) -> Text:
            rate = speed.per_second(time.monotonic())
            if rate is None or task.total is None:
                return Text("")
            left = (task.total - task.completed) / rate
            return Text(f"{rate:.3g} {unit}/s{f', {in_words(left)}' if left else ''}", style="progress.remaining")

    note = TextColumn("{task.fields[note]}")
    with Bar(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Speed(), note, console=screen) as bar:
        task = bar.add_task(title, total=None, note="")
        begun = not carried

        def update(done: int, total: int, note: str = "") -> None:
            nonlocal begun
            speed.see(done, time.monotonic())
            if not begun:
                bar.reset(task, completed=done, total=total, note=note)
                begun = True
            bar.update(task, completed=done, total=total, note=note)

        yield update


class _Lines:
    """Progress as lines of text: one every `QUIET_SECONDS`, and one at the end of what took a second or more."""

    def __init__(self, title: str, unit: str, screen: Console, carried: bool) -> None:
        self._title, self._unit, self._screen = title, unit, screen
        self._start = self._told = time.monotonic()
        self._before = None if carried else 0
        self._done, self._note, self._rate = 0, "", Rate()

    def __call__(self, done: int, total: int, note: str = "") -> None:
        now = time.monotonic()
        self._done, self._note = done, note
        self._rate.see(done, now)
        if self._before is None:
            self._before = done
        if done > self._before and done < total and now - self._told >= QUIET_SECONDS:
            self._told = now
            rate = self._rate.per_second(now)
            known = f", {rate:.3g}/s, {in_words((total - done) / rate)}" if rate else ""
            self._print(f"{done}/{total} {self._unit}{known}", note)

    def finish(self) -> None:
        elapsed = time.monotonic() - self._start
        if elapsed >= 1:
            self._print(f"{counted(self._done - (self._before or 0), self._unit[:-1])} in {elapsed:.1f} s", self._note)

    def _print(self, text: str, note: str) -> None:
        self._screen.print(f"{self._title}: {text}{f', {note}' if note else ''}", markup=False)


@contextmanager
def fetching(checkpoint: str | None) -> Iterator[Callable[[int, int | None], None] | None]:
    """A bar in bytes for a checkpoint that is a link; None for a file, which is read at once."""
    if checkpoint is None or "://" not in checkpoint:
        yield None
        return
    with progress_bar("fetching the checkpoint", "bytes") as progress:
        yield lambda done, total: progress(done, total or 0)


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Everything that selfscope logs while inside is also written to the file."""
    logger = logging.getLogger("selfscope")
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        handler.close()


@contextmanager
def lettering_said() -> Iterator[None]:
    """What no font here can draw is said on standard error, also while the rest of what is logged goes to a file."""
    logger, handler = logging.getLogger("selfscope.draw"), _Said(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Said(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say_error(record.getMessage())


def say_skipped(skipped: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> None:
    """Counts and names the images that were left out; long lists are cut to ten, and say so."""
    if not skipped:
        return
    verb = "is" if len(skipped) == 1 else "are"
    say_error(f"{counted(len(skipped), 'image')} could not be read, and {verb} left out:")
    for path, reason in list(skipped)[:10]:
        say_error(reason if path in reason else f"{path}: {reason}")
    if len(skipped) > 10:
        say_error(f"… and {len(skipped) - 10} more")
