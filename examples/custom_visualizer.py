"""A visualizer of your own task: a subclass that says how one sample is drawn.

    python examples/custom_visualizer.py [FOLDER]

Code written for MMEngine's `Visualizer` works after changing its import line.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_sample_images

import selfscope as ss


@ss.VISUALIZERS.register_module()
class JigsawVisualizer(ss.Visualizer):
    """Draws the tiles of a jigsaw, each with the number of the place that it came from."""

    def add_datasample(self, name: str, image: Any, data_sample: Any = None, step: int = 0, **kwargs: Any) -> None:
        order = np.asarray(data_sample.pseudo_label.order)  # (rows, columns)
        rows, columns = order.shape
        height, width = image.shape[0] // rows, image.shape[1] // columns
        corners = np.array([(x * width, y * height) for y in range(rows) for x in range(columns)])
        tiles = np.concatenate([corners, corners + (width, height)], axis=1)
        self.set_image(image)
        self.draw_bboxes(tiles, edge_colors="w", line_widths=3, alpha=1.0).draw_texts(
            [str(number) for number in order.ravel()],
            corners + 8,
            font_sizes=28,
            colors="w",
            bboxes={"facecolor": "k", "edgecolor": "none", "alpha": 0.6, "pad": 3},
        )
        self.add_image(name, self.get_image(), step)


def shuffled(image: np.ndarray, order: np.ndarray) -> np.ndarray:
    rows, columns = order.shape
    height, width = image.shape[0] // rows, image.shape[1] // columns
    image = image[: rows * height, : columns * width]
    tiles = image.reshape(rows, height, columns, width, 3).swapaxes(1, 2).reshape(-1, height, width, 3)
    return tiles[order.ravel()].reshape(rows, columns, height, width, 3).swapaxes(1, 2).reshape(image.shape)


def main(folder: Path) -> None:
    order = np.random.default_rng(0).permutation(12).reshape(3, 4)
    sample = ss.SelfSupDataSample(pseudo_label=ss.InstanceData(order=order))
    config = {"type": "JigsawVisualizer", "vis_backends": [{"type": "LocalVisBackend"}], "save_dir": str(folder)}
    with ss.VISUALIZERS.build(config) as vis:
        for step, photo in enumerate(load_sample_images().images):
            vis.add_datasample("jigsaw", shuffled(photo, order), sample, step=step)
    for picture in ss.open_run(folder).pictures:
        print(picture.path)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "work_dirs/examples/custom_visualizer"))
