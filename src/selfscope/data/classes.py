"""What the labels are called: names from the config, a file, folders, or ImageNet's own list."""

from __future__ import annotations

import importlib.util
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from selfscope.data.listing import UNLABELLED, read_lines
from selfscope.errors import ConfigError, DataError

WORDNET_ID = re.compile(r"n\d{8}")
WORDNET_FOLDER = re.compile(r"n\d{8}[_-](.+)")


def given_classes(classes: Any, metainfo: Mapping[str, Any] | None) -> tuple[str, ...] | None:
    """Names from `classes` or `metainfo["classes"]`: a list, or a file with one name a line; `metainfo` wins."""
    value = (metainfo or {}).get("classes", classes)
    if value is None:
        return None
    if isinstance(value, (str, os.PathLike)):
        names = read_lines(os.path.expanduser(os.fspath(value)), "file of class names")
        if not names:
            raise DataError(f"{value}: the file of class names is empty")
        return tuple(names)
    if isinstance(value, Sequence) and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise ConfigError(f"classes={value!r:.80}: expected a list of names, or the path of a file with one name a line")


def check_count(classes: tuple[str, ...], labels: np.ndarray | None, source: str) -> None:
    """Refuses names that do not reach as far as the labels do."""
    highest = int(labels.max()) if labels is not None and len(labels) else UNLABELLED
    if highest >= len(classes):
        raise DataError(
            f"{source}: label {highest} has no name, there are {len(classes)} class names (labels begin at 0)"
        )


def folder_classes(folders: Sequence[str]) -> tuple[str, ...]:
    """Readable names of class folders: `n02691156_airplane` is `airplane`, `n01440764` is `tench`.

    Other names stay as they are. Where two would be the same, both keep their WordNet id.
    """
    readable = [_readable(folder) for folder in folders]
    count = Counter(readable)
    return tuple(
        name if count[name] == 1 else f"{name} ({folder})" if WORDNET_ID.fullmatch(folder) else folder
        for folder, name in zip(folders, readable, strict=True)
    )


def _readable(folder: str) -> str:
    named = WORDNET_FOLDER.fullmatch(folder)
    if named:
        return named[1].replace("_", " ")
    if WORDNET_ID.fullmatch(folder):
        return _lemmas().get(folder, folder)
    return folder


def annotated_classes(names: Sequence[str], labels: np.ndarray) -> tuple[str, ...] | None:
    """Names from the folders in an annotation file, when each label has one folder and each folder one label.

    Files called `ILSVRC2012_val_…` without folders get the names of the ImageNet-1k challenge. Otherwise None. A label
    that no line uses is named by its number.
    """
    folders: dict[int, str] = {}
    owners: dict[str, int] = {}
    for name, label in zip(names, labels.tolist(), strict=True):
        folder = name.rpartition("/")[0]
        if label == UNLABELLED:
            continue
        if not folder or owners.setdefault(folder, label) != label or folders.setdefault(label, folder) != folder:
            return _challenge_classes(names, int(labels.max()))
    if not folders:
        return None
    last = {label: folder.rpartition("/")[2] for label, folder in folders.items()}
    shown = last if len(set(last.values())) == len(last) else folders
    return folder_classes([shown.get(label, str(label)) for label in range(max(folders) + 1)])


def _challenge_classes(names: Iterable[str], highest: int) -> tuple[str, ...] | None:
    if highest >= 1000 or not all(name.startswith("ILSVRC2012_val_") for name in names):
        return None
    return folder_classes(_timm_file("imagenet_synsets.txt")) or None


@cache
def _lemmas() -> dict[str, str]:
    """WordNet id -> first word of its meaning; all words where the first alone names two of ImageNet-1k's classes."""
    table = dict(line.split("\t", 1) for line in _timm_file("imagenet_synset_to_lemma.txt") if "\t" in line)
    first = {key: words.split(",")[0] for key, words in table.items()}
    count = Counter(first.get(key) for key in _timm_file("imagenet_synsets.txt"))
    return {key: table[key] if count[word] > 1 else word for key, word in first.items()}


def _timm_file(name: str) -> list[str]:
    """Lines of a list of classes that timm ships, found without importing timm; empty when it is not there."""
    spec = importlib.util.find_spec("timm")
    path = Path(spec.origin).parent / "data" / "_info" / name if spec and spec.origin else None
    return path.read_text(encoding="utf-8").splitlines() if path and path.exists() else []
