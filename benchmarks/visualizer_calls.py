"""What `visualizer.py` times, written so that it runs under either project: `python visualizer_calls.py {ours,peer}`.

Prints one JSON object: milliseconds a call. Drawing is CPU time of the whole process without backends; storing is wall
time on the calling thread: of ours with five backends of which one sleeps ten seconds a call, of the peer with its
local one.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

OURS = sys.argv[1] == "ours"
if OURS:
    from selfscope import InstanceData, SelfSupDataSample, SelfSupVisualizer
    from selfscope.visualization.backends.contract import BaseVisBackend

    class Sleeping(BaseVisBackend):
        """Takes `seconds` for every record."""

        def __init__(self, seconds: float) -> None:
            super().__init__()
            self.seconds = seconds

        @property
        def experiment(self) -> None:
            return None

        def write(self, record: object) -> None:
            time.sleep(self.seconds)
else:
    from mmengine.structures import InstanceData
    from mmselfsup.structures import SelfSupDataSample
    from mmselfsup.visualization import SelfSupVisualizer

RNG = np.random.default_rng(0)
SCALARS = {"loss": 0.5, "lr": 1e-3, "time": 0.2, "data_time": 0.1, "grad_norm": 1.5}


def photo(size: int) -> np.ndarray:
    """Smooth, with some grain: deflates like a photo, not like noise."""
    y, x = np.mgrid[0:size, 0:size] / size
    waves = np.stack([np.sin(7 * x + 3 * y), np.cos(5 * y - 2 * x), np.sin(9 * x * y)], axis=-1)
    return np.clip(127 + 90 * waves + RNG.normal(0, 6, waves.shape), 0, 255).astype(np.uint8)


def cpu(call: Callable[[], object], seconds: float = 1.0) -> float:
    """Median CPU milliseconds of a call, the process's other threads included."""
    call()
    taken, until = [], time.perf_counter() + seconds
    while len(taken) < 5 or time.perf_counter() < until:
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return 1e3 * statistics.median(taken)


def on_the_caller(call: Callable[[int], object], count: int, pause: float) -> float:
    """Mean wall milliseconds of a call, with a pause between calls as a training step makes."""
    total = 0.0
    for step in range(count):
        start = time.perf_counter()
        call(step)
        total += time.perf_counter() - start
        if pause:
            time.sleep(pause)
    return 1e3 * total / count


def drawing() -> dict[str, float]:
    visualizer, found = SelfSupVisualizer(), {}
    for size, patches in ((224, 14), (1024, 64)):
        image = photo(size)
        mask = SelfSupDataSample()
        mask.mask = InstanceData(value=torch.from_numpy(RNG.random((patches, patches)) < 0.75))
        found[f"add_datasample, mask, {size}"] = cpu(lambda i=image, m=mask: visualizer.add_datasample("a", i, m))
        corners = np.array([(x, y) for x in range(3) for y in range(3)]) * size // 3
        boxes = np.concatenate([corners + 4, corners + size // 4], axis=1).astype(np.float32)
        label = InstanceData(
            patch_box=torch.from_numpy(boxes)[None], unpatched_img=torch.from_numpy(image[None, ..., ::-1].copy())
        )
        sample = SelfSupDataSample()
        sample.pseudo_label = label
        found[f"add_datasample, 9 boxes, {size}"] = cpu(lambda i=image, s=sample: visualizer.add_datasample("a", i, s))
        many = RNG.integers(0, size // 2, (100, 2))
        many = np.concatenate([many, many + RNG.integers(10, size // 2, (100, 2))], axis=1)
        found[f"100 boxes, {size}"] = cpu(lambda i=image, b=many: drawn(visualizer, i, "draw_bboxes", b))
        half = RNG.random((size, size)) < 0.5
        found[f"binary mask, {size}"] = cpu(lambda i=image, h=half: drawn(visualizer, i, "draw_binary_masks", h))
        place = np.array([10, 10])
        found[f"one text, {size}"] = cpu(lambda i=image, p=place: drawn(visualizer, i, "draw_texts", "epoch 12", p))
        features = torch.from_numpy(RNG.random((64, size, size), np.float32))
        found[f"draw_featmap, {size}"] = cpu(lambda i=image, f=features: visualizer.draw_featmap(f, i))
    return found


def drawn(visualizer: SelfSupVisualizer, image: np.ndarray, verb: str, *items: object) -> np.ndarray:
    visualizer.set_image(image)
    getattr(visualizer, verb)(*items)
    return visualizer.get_image()


def storing(folder: Path) -> dict[str, float]:
    found = {}
    for name, count, pause in (("every ms", 3000, 0.001), ("without pause", 20_000, 0)):
        visualizer = with_backends(folder / name)
        visualizer.add_scalars(SCALARS, 0)
        found[f"add_scalars of 5, {name}"] = on_the_caller(
            lambda i, v=visualizer: v.add_scalars(SCALARS, i), count, pause
        )
        end(visualizer)
    for size, pause in ((224, 0.05), (1024, 0.15)):
        visualizer, image = with_backends(folder / str(size)), photo(size)
        visualizer.add_image("warm", image)
        time.sleep(0.3)
        found[f"add_image, {size}"] = on_the_caller(lambda i, v=visualizer, p=image: v.add_image("p", p, i), 30, pause)
        end(visualizer)
    return found


def with_backends(folder: Path) -> SelfSupVisualizer:
    backends: list = [{"type": "LocalVisBackend"}]
    if OURS:
        delays = {"b": 0.0, "c": 0.0, "d": 0.001, "e": 10.0}
        backends += [{"type": (lambda s=seconds: Sleeping(s)), "name": name} for name, seconds in delays.items()]
    return SelfSupVisualizer(vis_backends=backends, save_dir=str(folder))


def end(visualizer: SelfSupVisualizer) -> None:
    if OURS:
        visualizer.close(timeout=1)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps({**drawing(), **storing(Path(name))}))
