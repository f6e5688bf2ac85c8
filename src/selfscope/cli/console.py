"""What a person at the terminal reads: progress with rate and time left, results, one-sentence errors."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

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


def say(text: str) -> None:
    console().print(text, markup=False)


def say_error(text: str) -> None:
    console(stderr=True).print(f"selfscope: {text}", markup=False, style="bold red")


@contextmanager
def progress_bar(title: str, unit: str = "images") -> Iterator[Progress]:
    """A bar with count, rate and time left on standard error; where that is no terminal, one line at the end."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    screen = console(stderr=True)
    with Bar(*columns, console=screen, transient=False, disable=not screen.is_terminal) as bar:
        task = bar.add_task(title, total=None, rate="")

        def update(done: int, total: int) -> None:
            speed = bar.tasks[task].speed
            rate = f"{speed:.3g} {unit}/s" if speed else ""
            bar.update(task, completed=done, total=total, rate=rate)

        yield update
    if not screen.is_terminal:
        finished = bar.tasks[task]
        screen.print(f"{title}: {int(finished.completed)} {unit} in {finished.elapsed or 0:.1f} s", markup=False)


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


def say_skipped(skipped: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> None:
    """Counts and names the images that were left out; long lists are cut to ten, and say so."""
    if not skipped:
        return
    say_error(f"{len(skipped)} image{'s' if len(skipped) > 1 else ''} could not be read and were left out:")
    for path, reason in list(skipped)[:10]:
        say_error(reason if path in reason else f"{path}: {reason}")
    if len(skipped) > 10:
        say_error(f"… and {len(skipped) - 10} more")
