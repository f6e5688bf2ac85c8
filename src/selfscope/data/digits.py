"""scikit-learn's 1,797 handwritten digits as a folder of pictures: a data set that is at hand without a network.

    python -m selfscope.data.digits data/digits

writes `data/digits/<train|val>/<digit>/<index>.png`, 8 × 8 pixels each, for the configs named `…_digits.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from selfscope.errors import UsageError

HELD_OUT = 540


def write_digits(folder: str | Path, *, held_out: int = HELD_OUT, seed: int = 0) -> dict[str, int]:
    """How many pictures each part has; `held_out` of them, equally of every digit, are in `val`."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    pixels, labels = (data.images * 255 / 16).astype(np.uint8), data.target
    split = train_test_split(np.arange(len(labels)), test_size=held_out, stratify=labels, random_state=seed)
    parts = dict(zip(("train", "val"), split, strict=True))
    for part, indices in parts.items():
        for index in indices:
            path = Path(folder) / part / str(labels[index]) / f"{index:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[index]).save(path)
    return {part: len(indices) for part, indices in parts.items()}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise UsageError("expected one folder: python -m selfscope.data.digits data/digits")
    counts = write_digits(arguments[0])
    print(f"{arguments[0]}: {', '.join(f'{count} pictures in {part}' for part, count in counts.items())}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UsageError as error:
        sys.exit(str(error))
