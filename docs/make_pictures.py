"""Makes the README's pictures from a run of `selfscope demo`.

    selfscope demo --work-dir work_dirs/demo
    python docs/make_pictures.py work_dirs/demo/<timestamp>

The photos are scikit-learn's samples: china.jpg by Carl Ascoli and flower.jpg by dany13, both CC BY.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from selfscope.demo import photo_samples
from selfscope.draw.compose import contact_sheet, page, side_by_side, stack
from selfscope.records import Embedding, Reconstruction
from selfscope.views.load import load
from selfscope.views.reconstruct import reconstruct

HERE = Path(__file__).parent / "pictures"
DIGITS = ("2", "3", "8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    run: Path = parser.parse_args().run
    HERE.mkdir(exist_ok=True)
    views = [(sample.plot(title=False), f"{sample.key}, as {name} sees it") for sample, name in photo_samples(seed=0)]
    twin, trained = load(run / "mae_digits.py"), load(run / "mae_digits.py", run / "mae_digits.pth", needed="all")
    rows = [[digit(model, run, name) for model in (twin, trained)] for name in DIGITS]
    trained_map = read_map(run).plot(width=900)
    save("browse", contact_sheet(views, columns=4, width=1600))
    save("reconstruct", side_by_side([stack([record.plot() for record in row]) for row in rows[:2]]))
    save("tsne", trained_map)
    left = stack(
        [side_by_side([views[0][0], views[3][0]], align="start"), rows[1][1].plot(title="a held-out digit")],
        align="start",
    )
    save(
        "overview",
        page(
            side_by_side(
                [left, read_map(run).plot(width=660, title="features of held-out digits")], gap=24, align="start"
            )
        ),
    )


def digit(model: object, run: Path, name: str) -> Reconstruction:
    path = sorted((run / "digits" / "val" / name).glob("*.png"))[0]
    trained = getattr(model, "trained", False)
    return reconstruct(model, path, seed=1, key=f"a held-out {name}, {'trained' if trained else 'untrained'}")


def read_map(run: Path) -> Embedding:
    from selfscope.store.reader import open_run

    return open_run(run).embeddings["trained"]


def save(name: str, picture: np.ndarray) -> None:
    path = HERE / f"{name}.webp"
    Image.fromarray(picture).save(path, quality=88, method=6)
    print(f"{path}  {picture.shape[1]} x {picture.shape[0]}  {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
