"""`selfscope demo`: the whole system on data that is already here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Demo:
    """Trains a tiny masked autoencoder on digits, looks at it in every way, and leaves it all in one run.

    Nothing is downloaded; it takes one to three minutes on two cores.
    """

    work_dir: str = "work_dirs/demo"
    """Where the run goes."""
    iterations: int = 900
    """Steps of training; the default takes about a minute on two cores."""
    seed: int = 0
    """The same seed gives the same digits, masks, weights and maps."""

    def __call__(self) -> None:
        from selfscope.cli.console import progress_bar, say
        from selfscope.cli.files import new_run_folder
        from selfscope.demo import run_demo

        folder = new_run_folder(Path(self.work_dir))
        run_demo(folder, iterations=self.iterations, seed=self.seed, say=say, bar=progress_bar)
