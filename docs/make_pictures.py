"""Makes the README's pictures from a run of `selfscope demo`.

    selfscope demo --work-dir work_dirs/demo
    python docs/make_pictures.py work_dirs/demo/<timestamp>

The photos are scikit-learn's samples: china.jpg by Carl Ascoli and flower.jpg by dany13, both CC BY.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from selfscope.demo import photo_samples
from selfscope.draw.compose import contact_sheet, page, side_by_side, stack
from selfscope.records import Embedding, Reconstruction, Sample
from selfscope.views.browse import browse
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
    twin, trained = load(run / "mae_digits.py"), load(run / "mae_digits.py", newest(run), needed="all")
    rows = [[digit(model, run, name) for model in (twin, trained)] for name in DIGITS]
    trained_map = read_map(run).plot(width=900)
    save("browse", contact_sheet(views, columns=4, width=1600))
    save("targets", targets())
    save("reconstruct", side_by_side([stack([record.plot() for record in row]) for row in rows[:2]]))
    save("tsne", trained_map)
    save("training", last_look(run))
    save("statistics", statistics())
    save("forensics", photo("swav/swav_resnet50_8xb32-mcrop-2-6-coslr-200e_in1k-224-96.py", "concat", seed=4))
    save("steps", photo("simsiam/simsiam_resnet50_8xb32-coslr-100e_in1k.py", "pipeline", seed=1))
    course, comparison = over_training(run)
    save("course", course)
    save("compare", comparison)
    save("overview", overview([views[0][0], views[3][0]], rows[1], read_map(run)))


def overview(views: list[np.ndarray], digits: list[Reconstruction], embedding: Embedding) -> np.ndarray:
    """Two photos as the pipelines see them, one digit by the untrained and the trained model, and the map."""
    words = ("a held-out digit, before training", "the same digit, after 900 steps of training")
    painted = [record.plot(title=title) for record, title in zip(digits, words, strict=True)]
    left = stack([page(side_by_side(views, gap=24, align="start")), *painted], gap=0, align="start")
    features = embedding.plot(width=860, title="features of held-out digits")
    return side_by_side([left, features], gap=0, align="start")


def newest(run: Path) -> Path:
    (checkpoint,) = run.glob("iter_*.pth")
    return checkpoint


def last_look(run: Path) -> np.ndarray:
    """What the training's hook showed at the end."""
    from selfscope.store.reader import open_run

    looks = [entry for entry in open_run(run).pictures if entry.key == "training/reconstructions"]
    return max(looks, key=lambda entry: entry.step).load().pixels


def digit(model: object, run: Path, name: str) -> Reconstruction:
    path = sorted((run / "digits" / "val" / name).glob("*.png"))[0]
    trained = getattr(model, "trained", False)
    return reconstruct(model, path, seed=1, key=f"a held-out {name}, {'trained' if trained else 'untrained'}")


def photo(config: str, mode: str, seed: int) -> np.ndarray:
    """scikit-learn's flower, browsed in a mode."""
    return flower(config, mode, seed).plot()


def targets() -> np.ndarray:
    """What three models make of a view: the low frequencies, the gradients, a mixture with another photo."""
    configs = {
        "PixMIM": "pixmim/pixmim_vit-base-p16_8xb512-amp-coslr-300e_in1k.py",
        "MaskFeat": "maskfeat/maskfeat_vit-base-p16_8xb256-amp-coslr-300e_in1k.py",
        "MixMIM": "mixmim/mixmim-base-p16_16xb128-coslr-300e_in1k.py",
    }
    cells = [(flower(config, "transformed", 2).plot(title=False), name) for name, config in configs.items()]
    return contact_sheet(cells, columns=3, words=True)


def flower(config: str, mode: str, seed: int) -> Sample:
    from sklearn.datasets import load_sample_images

    with tempfile.TemporaryDirectory() as folder:
        for name, picture in zip(("china", "flower"), load_sample_images().images, strict=True):
            Image.fromarray(picture).save(Path(folder) / f"{name}.png")
        where = [
            f"train_dataloader.dataset.{entry}" for entry in (f"data_root={folder}", "ann_file=''", "data_prefix=''")
        ]
        return list(browse(f"configs/selfsup/{config}", options=where, mode=mode, seed=seed))[1]


def statistics() -> np.ndarray:
    """What SwAV's crops, as torchvision makes them, do to the two photos."""
    from sklearn.datasets import load_sample_images
    from torchvision import transforms as T

    from selfscope.views.statistics import augmentation_stats

    def crops(size: int, scale: tuple[float, float]) -> T.Compose:
        jitter = T.RandomApply([T.ColorJitter(0.8, 0.8, 0.8, 0.2)], p=0.8)
        blur = T.RandomApply([T.GaussianBlur(23, (0.1, 2.0))], p=0.5)
        return T.Compose(
            [T.RandomResizedCrop(size, scale), T.RandomHorizontalFlip(), jitter, T.RandomGrayscale(0.2), blur]
        )

    large, small = crops(224, (0.14, 1.0)), crops(96, (0.05, 0.14))
    photos = [Image.fromarray(photo) for photo in load_sample_images().images]
    stats = augmentation_stats(photos, lambda photo: [large(photo), large(photo), *map(small, [photo] * 4)], n=600)
    return stats.plot(title="600 draws of two large and four small crops")


def over_training(run: Path) -> tuple[np.ndarray, np.ndarray]:
    """The held-out digits over the demo's training, which is done again for its checkpoints: mapped, and compared."""
    from selfscope.config.reader import load_config
    from selfscope.training.engine import train
    from selfscope.views.compare import compare
    from selfscope.views.course import joint_tsne
    from selfscope.views.extract import extract

    config = load_config(run / "mae_digits.py")
    last = config["train_cfg"]["max_iters"]
    config["custom_hooks"] = []
    config["default_hooks"]["checkpoint"] = {"type": "CheckpointHook", "by_epoch": False, "interval": last // 9}
    features = {"untrained": extract(load(run / "mae_digits.py"), run / "digits" / "val")}
    with tempfile.TemporaryDirectory() as folder:
        train(config, Path(folder))
        for step in range(last // 9, last + 1, last // 9):
            model = load(run / "mae_digits.py", Path(folder) / f"iter_{step}.pth")
            features[f"step {step}"] = extract(model, run / "digits" / "val")
    steps = [0, last // 9 * 3, last]
    names = ["untrained", *(f"step {step}" for step in steps[1:])]
    course = joint_tsne([features[name] for name in names], names=names, steps=steps, seed=0)
    return course.plot(width=1500), compare(*features.values(), names=list(features)).plot()


def read_map(run: Path) -> Embedding:
    from selfscope.store.reader import open_run

    return open_run(run).embeddings["trained"]


def save(name: str, picture: np.ndarray) -> None:
    path = HERE / f"{name}.webp"
    Image.fromarray(picture).save(path, quality=88, method=6)
    print(f"{path}  {picture.shape[1]} x {picture.shape[0]}  {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
