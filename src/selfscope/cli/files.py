"""Where commands put what they make: pictures by suffix, runs by time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfscope.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from selfscope.structures import Features
    from selfscope.visualization.visualizer import Visualizer

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def check_picture_path(path: Path) -> None:
    """Refuses a suffix that is no picture format, before any work is done."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: expected a picture file ending in {', '.join(SUFFIXES)}")


def save_picture(path: Path, picture: np.ndarray) -> None:
    """Writes `(H, W, 3)` uint8 RGB as `encode_picture` does. Folders are made."""
    check_picture_path(path)
    write_file(path, encode_picture(picture, path.suffix))


def encode_picture(picture: np.ndarray, suffix: str, *, coloured_ink: bool = True) -> bytes:
    """The file of `(H, W, 3)` uint8 RGB; JPEG at quality 95, PNG quickly.

    Without coloured lines or words on it, JPEG keeps colours at half the resolution, as cameras do; with them that
    would wash them out.
    """
    from PIL import Image

    buffer, kind = BytesIO(), suffix.lower()
    options: dict[str, Any] = (
        {"quality": 95, "subsampling": 0 if coloured_ink else 2} if kind in (".jpg", ".jpeg") else {}
    )
    if kind == ".png":
        options = {"compress_level": 4}
    Image.fromarray(picture).save(buffer, {".jpg": "JPEG"}.get(kind, kind[1:].upper()), **options)
    return buffer.getvalue()


def write_file(path: Path, data: bytes) -> None:
    """Writes a file below folders that are made where they lack."""
    try:
        path.write_bytes(data)
    except (FileNotFoundError, NotADirectoryError):
        make_folder(path.parent)
        path.write_bytes(data)


def make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"{path}: a file stands where a folder is needed; choose another path") from error


def new_run_folder(parent: Path, prefix: str = "") -> Path:
    """`parent/<prefix><timestamp>`, with `-1`, `-2`, … when two runs start within one second."""
    make_folder(parent)
    stamp = prefix + time.strftime("%Y%m%d_%H%M%S")
    for number in range(1000):
        folder = parent / (stamp if number == 0 else f"{stamp}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise UsageError(f"{parent}: a thousand runs began in this second; choose another folder")


def save_features(features: Features, folder: Path) -> None:
    """`features/<stage>.npy` for every stage, and `labels.npy` (int64) when there are labels.

    Features that are mapped from a file get a second name there rather than a copy.
    """
    import numpy as np

    from selfscope.store.features import keep_features
    from selfscope.store.filenames import flat_name

    for stage, array in features.arrays.items():
        keep_features(array, folder / "features" / f"{flat_name(stage)}.npy")
    if features.labels is not None:
        np.save(folder / "labels.npy", features.labels.astype(np.int64))


def default_work_dir(config_path: str) -> Path:
    """`work_dirs/<kind>/<config name>`, where the kind is the folder below `configs/`."""
    path = Path(config_path)
    parts = path.parts
    kind = parts[parts.index("configs") + 1] if "configs" in parts[:-2] else path.parent.name or "runs"
    return Path("work_dirs") / kind / path.stem


def open_visualizer(
    config: Mapping[str, Any] | None, folder: Path | None, trust: bool = False, *, seed: int | None = None
) -> Visualizer:
    """The config's Visualizer and backends, or local files, storing in `folder`; without a folder it only shows.

    `seed` is noted in the run. Backends that a config which is not trusted would send elsewhere are left out, and said,
    as are those that it names where nothing reads them.
    """
    from selfscope.cli.backends import say_destinations, say_unused, usable_backends
    from selfscope.config.registry import VISUALIZERS

    local = {"type": "SelfSupVisualizer", "vis_backends": [{"type": "LocalVisBackend"}]}
    named = dict((config or {}).get("visualizer") or local)
    stored: dict[str, Any] = {"save_dir": None, "vis_backends": None}
    if folder is not None:
        kept = usable_backends(named.get("vis_backends"), folder, trust=trust)
        stored = {"save_dir": str(folder), "vis_backends": kept or local["vis_backends"]}
        say_unused(config or {}, stored["vis_backends"])
    trusted = {"trust": True} if trust else {}  # a Visualizer builds its backends itself
    visualizer = VISUALIZERS.build({**named, **stored, **trusted}, trust=trust)
    say_destinations(stored["vis_backends"] or ())
    if seed is not None:
        visualizer.note_seed(seed)
    return visualizer
