"""Which pictures a data set has: compact tables of paths and labels, read from folders or annotation files.

A table of 1.3 million paths takes some 60 bytes each and travels to worker processes as two blocks of memory.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from selfscope.data.picture import PICTURE_SUFFIXES
from selfscope.errors import DataError

log = logging.getLogger(__name__)
UNLABELLED = -1
INTEGER = re.compile(r"-?[0-9]+")


class Entry(NamedTuple):
    path: str
    label: int | None


class Names(Sequence[str]):
    """Paths as one block of bytes and the ends of each; reads like a list of strings."""

    def __init__(self, names: Iterable[str]) -> None:
        encoded = [os.fsencode(name) for name in names]
        self._bytes = b"".join(encoded)
        self._ends = np.cumsum([len(name) for name in encoded], dtype=np.int64)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        start = int(self._ends[index - 1]) if index else 0
        return os.fsdecode(self._bytes[start : int(self._ends[index])])

    def __iter__(self) -> Iterator[str]:
        start = 0
        for end in self._ends.tolist():
            yield os.fsdecode(self._bytes[start:end])
            start = end


@dataclass(frozen=True, eq=False)
class Chosen(Sequence[Entry]):
    """Some of the entries of a listing, by their places in it."""

    entries: Sequence[Entry]
    places: np.ndarray

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self.entries[place] for place in self.places[index].tolist()]
        return self.entries[int(self.places[index])]


@dataclass(frozen=True, eq=False)
class Listing(Sequence[Entry]):
    """The items of a data set: paths below `root` and, when there are any, labels."""

    root: str
    names: Sequence[str]
    """Paths, relative to `root` unless absolute."""
    labels: np.ndarray | None = None
    """`(N,)` int64, -1 where an item has no label."""
    classes: tuple[str, ...] | None = None
    """The name of each label value."""
    extra: tuple[tuple[str, Any], ...] = ()
    """What every item's results hold besides path and label."""

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        label = None if self.labels is None else int(self.labels[index])
        path = os.path.join(self.root, self.names[index])
        return Entry(path, None if label == UNLABELLED else label)


def scan(folder: str, suffixes: Sequence[str] = PICTURE_SUFFIXES) -> list[str]:
    """Every picture below a folder, as sorted paths relative to it with `/`; hidden files and folders are left out."""
    suffixes = tuple(suffix.lower() for suffix in suffixes)
    found: list[str] = []
    seen: set[str] = set()
    todo = [("", folder)]
    while todo:
        below, path = todo.pop()
        for item in _entries(path):
            name = f"{below}{item.name}"
            if item.name.startswith("."):
                continue
            if _is_folder(item):
                if item.is_symlink() and not _first_visit(item.path, seen):
                    continue
                todo.append((f"{name}/", item.path))
            elif item.name.lower().endswith(suffixes):
                found.append(name)
    found.sort()
    return found


def holds_pictures(folder: str, suffixes: Sequence[str] = PICTURE_SUFFIXES) -> bool:
    """Whether pictures lie in the folder itself."""
    endings = tuple(suffix.lower() for suffix in suffixes)
    named = (item for item in _entries(folder) if item.name.lower().endswith(endings) and item.name[0] != ".")
    return any(not _is_folder(item) for item in named)


def subfolders(folder: str) -> list[str]:
    return sorted(item.name for item in _entries(folder) if _is_folder(item) and not item.name.startswith("."))


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as items:
            return list(items)
    except FileNotFoundError as error:
        raise DataError(f"{folder}: no such folder") from error
    except NotADirectoryError as error:
        raise DataError(f"{folder}: expected a folder, this is a file") from error
    except PermissionError as error:
        raise DataError(f"{folder}: no permission to list it") from error
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed ({error.strerror})") from error


def _is_folder(item: os.DirEntry[str]) -> bool:
    """Whether it is a folder or a link to one; a link that leads nowhere but back to itself is none."""
    try:
        return item.is_dir()
    except OSError:
        return False


def _first_visit(link: str, seen: set[str]) -> bool:
    """Whether a link to a folder leads somewhere new; links that lead back up would never end."""
    target, here = os.path.realpath(link), os.path.realpath(os.path.dirname(link))
    if target in seen or f"{here}{os.sep}".startswith(f"{target.rstrip(os.sep)}{os.sep}"):
        return False
    seen.add(target)
    return True


PARTS = {"train", "training", "val", "valid", "validation", "test", "unlabeled"}
"""Names of folders that hold parts of a data set: a map coloured by them would say nothing of its classes."""


def class_folders(root: str, suffixes: Sequence[str] = PICTURE_SUFFIXES) -> tuple[Names, np.ndarray, tuple[str, ...]]:
    """Names, labels and folder names of pictures sorted into one folder a class; empty classes keep their label."""
    folders = subfolders(root)
    names: list[str] = []
    counts = []
    for folder in folders:
        inside = scan(os.path.join(root, folder), suffixes)
        counts.append(len(inside))
        names.extend(f"{folder}/{name}" for name in inside)
    empty = [folder for folder, count in zip(folders, counts, strict=True) if not count]
    if empty and names:
        log.warning("%s: no picture in %d of %d class folders: %s", root, len(empty), len(folders), _some(empty))
    filled = [folder for folder, count in zip(folders, counts, strict=True) if count]
    if len(filled) > 1 and {folder.lower() for folder in filled} <= PARTS:
        log.warning(
            "%s: %s look like parts of a data set and are taken for classes: give one of them, such as %s",
            root,
            _some(filled),
            os.path.join(root, filled[0]),
        )
    return Names(names), np.repeat(np.arange(len(folders)), counts), tuple(folders)


def read_annotations(path: str) -> tuple[Names, np.ndarray | None]:
    """Names and labels of an annotation file, `path label` a line, or `path` in every line; names may hold spaces."""
    names: list[str] = []
    labels: list[int | None] = []
    for number, line in enumerate(_lines(path), 1):
        line = line.strip()
        if not line:
            continue
        name, _, label = line.replace("\t", " ").rpartition(" ")
        is_label = bool(name) and INTEGER.fullmatch(label) is not None
        if names and is_label != (labels[0] is not None):
            raise DataError(
                f"{path}:{number}: {line!r:.80} {'has a' if is_label else 'has no'} label, unlike the lines before"
            )
        names.append(line[: len(name)].rstrip() if is_label else line)
        labels.append(int(label) if is_label else None)
    if not names:
        raise DataError(f"{path}: the annotation file is empty; expected a line 'path label' or 'path' an image")
    return Names(names), None if labels[0] is None else np.array(labels, dtype=np.int64)


def read_json_annotations(path: str) -> tuple[Names, np.ndarray | None, Any]:
    """Names, labels, classes of OpenMMLab's `{"metainfo": {"classes": …}, "data_list": [{"img_path", "gt_label"}]}`."""
    lines = "\n".join(_lines(path))
    try:
        content = json.loads(lines)
        items = content["data_list"]
        names = Names(item["img_path"] for item in items)
        labels = np.array([int(item.get("gt_label", UNLABELLED)) for item in items], dtype=np.int64)
        classes = content.get("metainfo", {}).get("classes")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path}: expected JSON with a 'data_list' of 'img_path' and 'gt_label' ({error})") from error
    if not names:
        raise DataError(f"{path}: its 'data_list' is empty")
    return names, labels if (labels != UNLABELLED).any() else None, classes


def read_lines(path: str, what: str) -> list[str]:
    """The lines of a text file that are not blank; a file that is missing is a DataError that names `what` it is."""
    if not os.path.exists(path):
        raise DataError(f"{path}: no such {what}")
    return [line.strip() for line in _lines(path) if line.strip()]


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines()
    except FileNotFoundError as error:
        raise DataError(
            f"{path}: no such annotation file: set data_root and ann_file ('' for class folders)"
        ) from error
    except OSError as error:
        raise DataError(f"{path}: the annotation file cannot be read ({error.strerror})") from error


def check_some_exist(listing: Listing, source: str) -> None:
    """Refuses a listing of which not one file exists; single missing files are skipped when they are loaded."""
    if not any(os.path.exists(os.path.join(listing.root, name)) for name in listing.names):
        first = os.path.join(listing.root, listing.names[0])
        raise DataError(
            f"{source}: none of its {len(listing)} images exists, beginning with {first}; "
            "check data_root and data_prefix"
        )


def _some(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
