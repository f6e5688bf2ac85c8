"""`selfscope browse --stats N`: numbers in the terminal, one figure and one JSON, and what looks broken in words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from selfscope.cli.browse_output import counted
from selfscope.cli.console import console, progress_bar, say, say_skipped
from selfscope.cli.files import make_folder, save_picture

if TYPE_CHECKING:
    from selfscope.statistics import AugmentationStats
    from selfscope.views.opening import Opened

FIGURE, NUMBERS = "statistics.png", "stats.json"
ENOUGH = 10
"""Draws."""


def measured(given: Opened, n: int, phase: str, workers: int) -> AugmentationStats:
    """The statistics of `n` draws, with progress and with what could not be read."""
    from selfscope.views.statistics import stats_of

    skipped: list[tuple[str, str]] = []
    with progress_bar("measuring", "draws") as progress:
        stats = stats_of(given, n, phase=phase, workers=workers, skipped=skipped, progress=progress)
    say_skipped(skipped)
    return stats


def tell(stats: AugmentationStats) -> None:
    """Medians and shares as a table on standard output, then every warning."""
    from rich import box
    from rich.table import Table

    from selfscope.statistics import QUANTITIES

    screen = console()
    table = Table(
        box=box.SIMPLE,
        title=f"{counted(stats.n, 'draw')} of {counted(stats.images, 'image')}",
        title_justify="left",
        title_style="",
    )
    for name in ("", "views", "median", "5 % to 95 %"):
        table.add_column(name, justify="right" if name == "median" else "left")
    for name, groups in stats.distributions.items():
        for row, (group, found) in enumerate(groups.items()):
            told = QUANTITIES[name].told
            title = "" if row else QUANTITIES[name].title
            table.add_row(
                title, group, told(found.median), f"{told(found.quantiles[0])} to {told(found.quantiles[-1])}"
            )
    for name, shares in stats.shares.items():
        for row, (group, share) in enumerate(shares.items() if any(shares.values()) else ()):
            table.add_row("" if row else name, group, f"{100 * share:.0f} %", "")
    screen.print(table)
    for warning in stats.warnings:
        screen.print(f"looks broken: {warning}", style="bold yellow", markup=False)
    if not stats.warnings:
        few = f"too few draws to tell whether anything is broken: give {ENOUGH} or more"
        screen.print("nothing looks broken" if stats.n >= ENOUGH else few, markup=False)


def keep(stats: AugmentationStats, folder: Path) -> None:
    """Writes the figure and the numbers."""
    from selfscope.store.statistics import statistics_json

    make_folder(folder)
    save_picture(folder / FIGURE, stats.plot())
    (folder / NUMBERS).write_bytes(statistics_json(stats))
    say(f"statistics: {folder / FIGURE} and {NUMBERS}")
