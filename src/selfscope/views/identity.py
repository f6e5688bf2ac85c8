"""Everything that features depend on, as plain values: equal for equal features, known without torch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import selfscope
from selfscope.data.listed import digest_of_listing
from selfscope.store.cache import digest_of, digest_of_file
from selfscope.views.sizes import input_size

if TYPE_CHECKING:
    from selfscope.config.reader import Config
    from selfscope.data.dataset import Dataset
    from selfscope.data.listing import Listing
    from selfscope.views.forward import Extraction
    from selfscope.views.load import LoadedModel

LIBRARIES = ("torch", "torchvision", "timm", "numpy", "pillow", "opencv-python-headless", "opencv-python")
OURS = ("data", "models", "views/forward.py", "views/shared_work.py", "views/load.py")
ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def config_identity(
    config: Config, weights: str | Path | None, listing: Listing, places: np.ndarray, how: Mapping[str, Any]
) -> dict[str, Any]:
    """Of a config with the file of its weights, or with `seed` in `how` where the model keeps its random start.

    `places` of the listing are taken; `how` holds stage, device and whatever else was asked for.
    """
    dataset = config["extract_dataloader"]["dataset"]
    return {
        "code": code(),
        "model": digest_of(plain([config.get(n) for n in ("model", "data_preprocessor", "default_scope")])),
        "image_size": input_size(config),
        "weights": None if weights is None else digest_of_file(weights),
        "pipeline": digest_of(plain(dataset.get("pipeline", ()))),
        "data": digest_of_listing(listing, places),
        "items": len(places),
        **{name: value for name, value in how.items() if value is not None},
    }


def loaded_identity(model: LoadedModel, dataset: Dataset, how: Extraction) -> dict[str, Any]:
    """Of a model in memory: its structure as it prints, and the values of its parameters and buffers."""
    places = np.arange(len(dataset.listing)) if dataset.places is None else dataset.places
    return {
        "code": code(),
        "model": digest_of(ADDRESS.sub("", repr(model.module))),
        "image_size": model.image_size,
        "weights": _digest_of_state(model.module),
        "pipeline": digest_of([ADDRESS.sub("", repr(transform)) for transform in dataset.transforms]),
        "data": digest_of_listing(dataset.listing, places),
        "items": len(dataset),
        "device": model.device.type,
        "full_precision": how.full_precision,
        **how.described(),
    }


def plain(value: Any) -> Any:
    """A config's values as JSON has them."""
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(inner) for inner in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)


@lru_cache(maxsize=1)
def code() -> dict[str, str]:
    """What computes features: versions of libraries, and of our own sources the bytes."""
    root = Path(selfscope.__file__).parent
    digest = hashlib.blake2b()
    for path in _sources(root):
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return {**{name: _version(name) for name in LIBRARIES}, "selfscope": digest.hexdigest()[:32]}


def _sources(root: Path) -> Iterator[Path]:
    for name in OURS:
        yield from sorted((root / name).rglob("*.py")) if not name.endswith(".py") else [root / name]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # built from source under another name
        return "unknown"


def _digest_of_state(module: Any) -> str:
    digest = hashlib.blake2b()
    for name, value in module.state_dict().items():
        array = value.detach().cpu().contiguous()
        digest.update(f"{name} {array.dtype} {tuple(array.shape)}".encode())
        digest.update(array.reshape(-1).view(_bytes()).numpy().data if array.numel() else b"")
    return digest.hexdigest()


def _bytes() -> Any:
    import torch

    return torch.uint8
