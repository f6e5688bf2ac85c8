"""The whole system in three minutes: digits and photos that scikit-learn ships, nothing downloaded.

A masked autoencoder learns digits through `selfscope train`, and is then looked at beside its untrained twin and raw
pixels.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
import torch
from PIL import Image

from selfscope.config.reader import Config, find_config, load_config
from selfscope.data.dataset import folder_dataset
from selfscope.data.digits import HELD_OUT
from selfscope.data.digits import write_digits as digit_files
from selfscope.data.loading import load_batches
from selfscope.draw.chart import bar_chart, line_chart
from selfscope.draw.compose import Cell, page, panels, stack
from selfscope.embedding.knn import knn_accuracy
from selfscope.errors import MissingExtraError
from selfscope.records import Embedding, Picture, Reconstruction, Sample, Table, Text
from selfscope.store.reader import open_run
from selfscope.structures import Features
from selfscope.training.engine import TrainResult, train
from selfscope.training.state import TrainState
from selfscope.views.browse import browse
from selfscope.views.embed import tsne
from selfscope.views.extract import extract
from selfscope.views.load import LoadedModel, load
from selfscope.views.progress import Progress
from selfscope.views.reconstruct import reconstruct
from selfscope.visualization.selfsup import SelfSupVisualizer
from selfscope.visualization.visualizer import Visualizer

CONFIG = "configs/selfsup/mae/mae_vit-tiny-p8_digits.py"
PHOTO_CONFIGS = (
    "configs/selfsup/simsiam/simsiam_resnet50_8xb32-coslr-100e_in1k.py",
    "configs/selfsup/simmim/simmim_swin-base_16xb128-amp-coslr-100e_in1k-192.py",
)
PARTS = ("train", "val")
TOLD_EVERY = 10
"""Iterations between two changes of the progress bar."""
LOOKS = 4
"""Times that the training's hook looks at reconstructions."""
PAINTED = "A masked autoencoder learns from hidden patches only: what it paints over the visible ones is arbitrary."
HONESTY = (
    "Raw pixels are a strong opponent on digits, and kNN and maps under-rate masked-image models, whose worth shows "
    "after fine-tuning. t-SNE evens out density and opens gaps: distances and sizes of groups cannot be read off a map."
)

Say = Callable[[str], None]
Bar = Callable[[str, str], AbstractContextManager[Progress]]


@dataclass(frozen=True, eq=False)
class Digits:
    """scikit-learn's 1,797 digits (8 x 8) as an ImageNet-style folder, read back the way that every folder is."""

    folder: Path
    images: dict[str, torch.Tensor]
    """`(N, 3, 32, 32)` uint8 for `train` and `val`, enlarged as the config says."""
    raw: dict[str, Features]
    """The digits' own 64 pixels as features, with labels, for `train` and `val`."""


def run_demo(folder: Path, *, iterations: int, seed: int, say: Say, bar: Bar) -> Path:
    """Leaves everything in `folder`, a run; returns the path of the sheet that shows it all."""
    if importlib.util.find_spec("lightning_fabric") is None:
        raise MissingExtraError("lightning-fabric", "train", "selfscope demo")
    say(f"run: {folder}")
    with SelfSupVisualizer(vis_backends=[{"type": "LocalVisBackend"}], save_dir=str(folder)) as visualizer:
        config = write_config(folder, iterations, seed)
        digits = write_digits(folder / "digits", config, seed)
        visualizer.add_config(config)
        say(f"1/4  browsing scikit-learn's two photos as SimSiam and SimMIM see them (seed {seed})")
        views = browse_photos(visualizer, seed)
        say(f"2/4  training a tiny MAE on {len(digits.images['train'])} digits")
        result = train_digits(folder, config, visualizer, bar)
        twin, trained = load(config, seed=seed), load(config, result.checkpoint, needed="all")
        losses = recorded_losses(folder, visualizer)
        say(f"     loss {losses[0]:.3f} -> {np.mean(losses[-20:]):.3f}")
        say("3/4  reconstructing held-out digits, beside the untrained twin")
        rows = reconstruct_digits(trained, twin, digits, visualizer, seed)
        say(f"4/4  mapping {HELD_OUT} held-out digits: raw pixels, untrained, trained")
        maps, accuracy = map_digits(trained, twin, digits, visualizer, bar, seed)
        for name, value in accuracy.items():
            say(f"     kNN accuracy in feature space, k = 20: {name:10s} {100 * value:.1f} %")
        sheet = summary(views, losses, rows, maps, accuracy, seed)
        visualizer.write(Picture("demo", sheet, caption="everything that the demo made"))
        visualizer.write(Text("demo", report(accuracy, losses, seed)))
        assert result.checkpoint is not None
    path = folder / "demo.png"
    Image.fromarray(sheet).save(path)
    for line in closing(folder, path, result.checkpoint):
        say(line)
    return path


def write_digits(folder: Path, config: Config, seed: int) -> Digits:
    """Files `<part>/<digit>/<index>.png`, `HELD_OUT` of them in `val`, and what they hold."""
    digit_files(folder, seed=seed)
    images = {part: _read(folder / part, config["vis_pipeline"])[0] for part in PARTS}
    return Digits(folder, images, {part: _raw(folder / part) for part in PARTS})


def _read(folder: Path, pipeline: Any) -> tuple[torch.Tensor, np.ndarray]:
    batches = list(load_batches(folder_dataset(folder, pipeline), batch_size=256))
    return torch.cat([b.images for b in batches]), np.concatenate([np.asarray(b.labels) for b in batches])


def _raw(folder: Path) -> Features:
    images, labels = _read(folder, [{"type": "LoadImageFromFile"}, {"type": "PackSelfSupInputs"}])
    pixels = images[:, 0].flatten(1).numpy().astype(np.float32) / 255  # (N, 64)
    names = tuple(str(digit) for digit in range(10))
    return Features({"raw pixels": pixels}, labels=labels, class_names=names, settings={"model": "none: raw pixels"})


def write_config(folder: Path, iterations: int, seed: int) -> Config:
    """The shipped config with its data in this run, kept beside the weights so that the commands can be tried."""
    config = load_config(find_config(CONFIG), {"data_root": str(folder / "digits")})
    for name in ("train_dataloader", "extract_dataloader"):
        config[name]["dataset"]["data_root"] = str(folder / "digits")
    warm_up = min(50, iterations // 4)
    config["train_dataloader"]["num_workers"] = 1
    config["train_cfg"] = {"type": "IterBasedTrainLoop", "max_iters": iterations}
    config["param_scheduler"] = [
        {"type": "LinearLR", "start_factor": 0.02, "by_epoch": False, "begin": 0, "end": warm_up},
        {"type": "CosineAnnealingLR", "by_epoch": False, "begin": warm_up},
    ]
    look = {"type": "SelfSupVisualizationHook", "interval": max(1, iterations // LOOKS), "by_epoch": False}
    config["custom_hooks"] = [{**look, "views": False, "map_items": 0, "key": "training", "seed": seed}]
    config["default_hooks"]["logger"] = {"type": "LoggerHook", "interval": 1}
    config["default_hooks"]["checkpoint"] = {"type": "CheckpointHook", "by_epoch": False, "interval": iterations}
    config["randomness"] = {"seed": seed}
    path = folder / "mae_digits.py"
    path.write_text(config.source(), encoding="utf-8")
    return load_config(path)


def recorded_losses(folder: Path, visualizer: Visualizer) -> list[float]:
    """As the run has them, one a step."""
    visualizer.flush()
    return open_run(folder).scalars("loss").value.tolist()


def photo_samples(seed: int) -> Iterator[tuple[Sample, str]]:
    """scikit-learn's two photos by the configs that train SimSiam and SimMIM on ImageNet, with the method's name."""
    import sklearn.datasets

    photos = Path(sklearn.datasets.__file__).parent / "images"
    for name in PHOTO_CONFIGS:
        config = load_config(find_config(name))
        dataset = config["train_dataloader"]["dataset"]
        dataset.update(type="CustomDataset", data_root=str(photos), ann_file="", data_prefix="", with_label=False)
        for sample in browse(config, seed=seed):
            yield sample, config["model"]["type"]


def browse_photos(visualizer: Visualizer, seed: int) -> list[Cell]:
    """Records the samples, and gives them as cells of the sheet."""
    cells = []
    for sample, method in photo_samples(seed):
        visualizer.write(sample)
        cells.append((sample.plot(title=False), f"{sample.key}, as {method} sees it"))
    return cells


def train_digits(folder: Path, config: Config, visualizer: Visualizer, bar: Bar) -> TrainResult:
    """`selfscope train` on the config, with its hooks; every loss goes into the demo's own run."""
    with bar("     training", "iterations") as progress:

        def tell(state: TrainState, loss: torch.Tensor) -> None:
            done = state.iter
            if done % TOLD_EVERY == 0 or done == state.max_iters:
                progress(done, state.max_iters, f"loss {float(loss):.3f}")

        return train(config, folder, visualizer=visualizer, progress=tell)


def reconstruct_digits(
    trained: LoadedModel, twin: LoadedModel, digits: Digits, visualizer: Visualizer, seed: int
) -> list[Reconstruction]:
    """Six held-out digits under one mask each, by the trained model and by its twin, both recorded."""
    chosen = np.random.default_rng(seed).choice(HELD_OUT, 6, replace=False)
    records = []
    for index in sorted(chosen):
        picture = digits.images["val"][index].permute(1, 2, 0).numpy()
        for name, model in (("untrained", twin), ("trained", trained)):
            record = reconstruct(model, picture, seed=seed + int(index), key=f"digit {index:03d} {name}")
            visualizer.write(record)
            records.append(record)
    return records


def map_digits(
    trained: LoadedModel, twin: LoadedModel, digits: Digits, visualizer: Visualizer, bar: Bar, seed: int
) -> tuple[list[Embedding], dict[str, float]]:
    """Maps of the held-out digits, and the accuracy of their nearest neighbours among the training digits."""
    maps, accuracy = [], {}
    for name, model in (("raw pixels", None), ("untrained", twin), ("trained", trained)):
        bank, queries = (_features(model, digits, part) for part in PARTS)
        stage = next(iter(queries.arrays))
        accuracy[name] = knn_accuracy(bank.arrays[stage], bank.labels, queries.arrays[stage], queries.labels)
        with bar(f"     t-SNE, {name}", "iterations") as progress:
            embedding = tsne(queries, seed=seed, progress=progress)
        maps.append(replace(embedding, key=name))
        visualizer.write(maps[-1])
    columns: dict[str, list[Any]] = {"features": list(accuracy), "knn_accuracy": list(accuracy.values())}
    visualizer.write(Table("knn_accuracy", columns, caption="20 nearest of the training digits, cosine"))
    return maps, accuracy


def _features(model: LoadedModel | None, digits: Digits, part: str) -> Features:
    return digits.raw[part] if model is None else extract(model, digits.folder / part, batch_size=256)


def summary(
    views: list[Cell],
    losses: list[float],
    rows: list[Reconstruction],
    maps: list[Embedding],
    accuracy: dict[str, float],
    seed: int,
) -> np.ndarray:
    """Everything on one sheet, with what must be known to read it."""
    steps = np.arange(1, len(losses) + 1)
    window = min(20, len(losses))
    smooth = np.convolve(losses, np.ones(window) / window, mode="valid")
    loss = line_chart(
        {"each step": (steps, np.array(losses)), f"mean of {window}": (steps[window - 1 :], smooth)},
        title="loss on masked patches",
        xlabel="step",
        size=(360, 1180),
    )
    bars = bar_chart(
        {k: 100 * v for k, v in accuracy.items()}, title="kNN accuracy in feature space, %, k = 20", size=(360, 900)
    )
    pairs = [(stack([rows[i].plot(), rows[i + 1].plot()], align="start"), "") for i in range(0, 6, 2)]
    drawn = [(embedding.plot(width=720, title=f"t-SNE · {embedding.key}"), "") for embedding in maps]
    sections = [panels(cells) for cells in (views, [(loss, ""), (bars, "")], pairs, drawn)]
    title = f"selfscope demo: the data, the training, the reconstructions, the features (seed {seed})"
    return page(stack(sections, gap=28, align="start"), title=title, footer=[PAINTED, HONESTY], size=18)


def report(accuracy: dict[str, float], losses: list[float], seed: int) -> str:
    """The numbers in words, as Markdown."""
    lines = [f"| {name} | {100 * value:.1f} % |" for name, value in accuracy.items()]
    table = "\n".join(["| features | kNN accuracy, k = 20, held-out digits |", "|---|---|", *lines])
    fall = f"Loss {losses[0]:.3f} to {np.mean(losses[-20:]):.3f} in {len(losses)} steps, seed {seed}."
    return f"{fall}\n\n{table}\n\n{HONESTY}\n"


def closing(folder: Path, sheet: Path, checkpoint: Path) -> list[str]:
    """Where everything is, and what to try next on it."""
    weights = f"{quote(str(folder / 'mae_digits.py'))} --checkpoint {quote(str(checkpoint))}"
    return [
        f"all of it on one sheet: {sheet}",
        "try next:",
        f"  selfscope reconstruct {weights} --img-path {quote(str(folder / 'digits' / 'val' / '3'))} --out-file out",
        f"  selfscope tsne {weights} --work-dir out",
    ]
