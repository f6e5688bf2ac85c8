"""Extraction, decoding included: selfscope beside a plain loop over a DataLoader, and beside the bare forward pass.

python benchmarks/extract.py --photos FOLDER                      ResNet-50 and ViT-B/16 at 224 px, random weights
python benchmarks/extract.py --photos FOLDER --images 16 --rounds 1 --models resnet18

The photos are listed again and again until there are enough. The plain loop is what one writes first: timm's own
preprocessing for the model, which is selfscope's too, in a DataLoader with one worker, float32, `no_grad`, batches of
32. The bare forward pass is the same model on batches of 32 of noise, with nothing to read. All in one process, in
turn, with as many threads; run it on a quiet machine. Wall seconds count; CPU seconds are shown too, and tell more on a
busy one. That both sides give the same features, to 0.001 of the largest, is checked and shown.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from timm.data import create_transform, resolve_model_data_config
from torch.utils.data import DataLoader, Dataset

from selfscope.views.extract import extract
from selfscope.views.load import LoadedModel, load

BATCH = 32
TOLERANCE = 1e-3
"""Of the largest feature."""


class Photos(Dataset):
    """The images of a list of files as timm says that the model takes them."""

    def __init__(self, paths: list[Path], model: torch.nn.Module) -> None:
        self.paths = paths
        self.transform = create_transform(**resolve_model_data_config(model))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.transform(Image.open(self.paths[index]).convert("RGB"))


def plain(model: torch.nn.Module, paths: list[Path], workers: int) -> np.ndarray:
    """What one writes first."""
    batches = DataLoader(Photos(paths, model), batch_size=BATCH, num_workers=workers)
    with torch.no_grad():
        return np.concatenate([model(pixels).numpy() for pixels in batches])


def bare(model: torch.nn.Module, count: int) -> None:
    """The forward pass alone."""
    pixels = torch.randn(BATCH, 3, 224, 224)
    with torch.no_grad():
        for start in range(0, count, BATCH):
            model(pixels[: count - start])


def ours(model: LoadedModel, paths: list[Path]) -> np.ndarray:
    return np.asarray(extract(model, paths))


def checked(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference of any feature, as a share of the largest; ends the benchmark where it is too large."""
    difference = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    if not difference <= TOLERANCE:
        raise SystemExit(f"features differ by {difference:.2g} of the largest: the two sides do not do the same")
    return difference


def measured(call: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds, those of worker processes included."""
    cpu, start = cpu_seconds(), time.perf_counter()
    call()
    return time.perf_counter() - start, cpu_seconds() - cpu


def cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def compare(name: str, paths: list[Path], rounds: int, workers: int) -> None:
    torch.manual_seed(0)
    module = timm.create_model(name, num_classes=0).eval()
    loaded = load(module)
    sides: dict[str, Callable[[], object]] = {
        "selfscope": lambda: ours(loaded, paths),
        f"plain loop, {workers} worker": lambda: plain(module, paths, workers),
        "bare forward": lambda: bare(module, len(paths)),
    }
    few = paths[:BATCH]
    difference = checked(ours(loaded, few), plain(module, few, workers))  # allocators and kernels are warm then, too
    found: dict[str, list[tuple[float, float]]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side, call in sides.items():
            found[side].append(measured(call))
    print(f"\n{name}, {len(paths)} photos, {torch.get_num_threads()} threads, medians of {rounds}", end="")
    print(f"; features differ by {difference:.1g} of the largest")
    own = found["selfscope"]
    for side, times in found.items():
        wall, cpu = (statistics.median(t[i] for t in times) for i in (0, 1))
        ratios = [statistics.median(a[i] / b[i] for a, b in zip(times, own, strict=True)) for i in (0, 1)]
        print(
            f"  {side:24s} {len(paths) / wall:7.2f} images/s   {1e3 * cpu / len(paths):7.1f} CPU ms an image   "
            f"its seconds / ours: wall {ratios[0]:.2f}, CPU {ratios[1]:.2f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of JPEGs")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1, help="of the plain loop")
    parser.add_argument("--models", nargs="+", default=["resnet50", "vit_base_patch16_224"])
    given = parser.parse_args()
    photos = sorted(path for path in given.photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    if not photos:
        raise SystemExit(f"{given.photos}: no JPEG in it or below it")
    paths = [photos[i % len(photos)] for i in range(given.images)]
    for name in given.models:
        compare(name, paths, given.rounds, given.workers)


if __name__ == "__main__":
    main()
