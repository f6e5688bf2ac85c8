"""A backend of your own: a subclass, its name, and a config that names it.

    python examples/custom_backend.py [FOLDER]

`CsvBackend` takes every record through one method. `MeanColourBackend` is written as for MMEngine, with the methods it
cares about; what can be drawn reaches it as a picture, and what cannot is refused once, by name.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np

import selfscope as ss


@ss.VISBACKENDS.register_module()
class CsvBackend(ss.BaseVisBackend):
    """One line a number: step, tag, value. It runs on a thread of its own, so it may be as slow as it likes."""

    def _init_env(self) -> None:
        Path(self._save_dir).mkdir(parents=True, exist_ok=True)
        self._file = (Path(self._save_dir) / "scalars.csv").open("a", newline="")
        self._lines = csv.writer(self._file)

    @property
    @ss.force_init_env
    def experiment(self) -> Any:
        return self._lines

    def write(self, record: Any) -> None:
        if record.kind == "scalars":
            self._lines.writerows((record.step, tag, value) for tag, value in record.values.items())

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


@ss.VISBACKENDS.register_module()
class MeanColourBackend(ss.BaseVisBackend):
    """Remembers the mean colour of every picture."""

    def _init_env(self) -> None:
        self._means: dict[tuple[str, int], np.ndarray] = {}

    @property
    @ss.force_init_env
    def experiment(self) -> dict[tuple[str, int], np.ndarray]:
        return self._means

    @ss.force_init_env
    def add_image(self, name: str, image: np.ndarray, step: int = 0, **kwargs: Any) -> None:
        self._means[name, step] = image.mean(axis=(0, 1))


def main(folder: Path) -> None:
    config = {
        "type": "Visualizer",
        "vis_backends": [{"type": "LocalVisBackend"}, {"type": "CsvBackend"}, {"type": "MeanColourBackend"}],
        "save_dir": str(folder),
    }
    with ss.VISUALIZERS.build(config) as vis:
        for step in range(10):
            vis.add_scalars({"loss": 1 / (step + 1), "lr": 0.1}, step)
        vis.add_image("orange", np.full((8, 8, 3), (255, 128, 0), np.uint8))
        vis.flush()
        print(
            "mean colours:",
            {key: mean.tolist() for key, mean in vis.get_backend("MeanColourBackend").experiment.items()},
        )
    print("lines of CSV:", len((folder / "vis_data" / "scalars.csv").read_text().splitlines()))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "work_dirs/examples/custom_backend"))
