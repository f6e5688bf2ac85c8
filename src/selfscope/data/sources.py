"""The data sets that a config can name: each finds where pictures are and what they are labelled; none is opened."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from selfscope.data import listing as lists
from selfscope.data.classes import annotated_classes, check_count, folder_classes, given_classes
from selfscope.data.listing import Listing, Names
from selfscope.data.picture import PICTURE_SUFFIXES
from selfscope.errors import ConfigError, DataError


def CustomDataset(
    data_root: str = "",
    data_prefix: str | Mapping[str, str] = "",
    ann_file: str = "",
    metainfo: Mapping[str, Any] | None = None,
    classes: Any = None,
    extensions: Sequence[str] = PICTURE_SUFFIXES,
    indices: int | Sequence[int] | None = None,
    with_label: bool = True,
    lazy_init: bool = False,
    serialize_data: bool = True,
    max_refetch: int = 1000,
    test_mode: bool = False,
    filter_cfg: Mapping[str, Any] | None = None,
) -> Listing:
    """Pictures below `data_root/data_prefix`: those of an annotation file, or one folder a class; else any, unlabelled.

    The file is `data_root/ann_file`, `path label` a line. Labels of folders follow their sorted names. `indices` keeps
    the first n, or those given. The last five arguments change nothing here.
    """
    if not (data_root or data_prefix or ann_file):
        raise ConfigError("a data set needs data_root, data_prefix or ann_file")
    root = _joined(data_root, _prefix(data_prefix))
    names = given_classes(classes, metainfo)
    if ann_file:
        found = _annotated(root, _joined(data_root, ann_file), names)
    elif with_label:
        found = _foldered(root, names, extensions)
    else:
        found = _flat(root, extensions)
    if not with_label:
        found = replace(found, labels=None, classes=None)
    return found if indices is None else first_or_chosen(found, indices)


def _takes_also(*names: str) -> Callable[[Callable[..., Listing]], Callable[..., Listing]]:
    """Gives a function of `**arguments` the signature of CustomDataset and its own `names`, so misspellings show."""

    def sign(function: Callable[..., Listing]) -> Callable[..., Listing]:
        own = [p for p in inspect.signature(function).parameters.values() if p.name in names]
        shared = [p for p in inspect.signature(CustomDataset).parameters.values() if p.name not in names]
        function.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
        return function

    return sign


@_takes_also("split")
def ImageNet(split: str = "", **arguments: Any) -> Listing:
    """As CustomDataset; `split` (`train`, `val`) means that prefix, and `meta/<split>.txt` where there is one."""
    if split:
        arguments = {"data_prefix": split, **arguments}
        annotations = os.path.join("meta", f"{split}.txt")
        if not arguments.get("ann_file") and os.path.exists(_joined(arguments.get("data_root", ""), annotations)):
            arguments["ann_file"] = annotations
    return CustomDataset(**arguments)


@_takes_also("split")
def DeepClusterImageNet(split: str = "", **arguments: Any) -> Listing:
    """ImageNet whose items also hold `clustering_label`, -1 until there are clusters."""
    return replace(ImageNet(split=split, **arguments), extra=(("clustering_label", -1),))


@_takes_also("ann_file")
def ImageList(ann_file: str, **arguments: Any) -> Listing:
    """The images that a file lists, with or without labels."""
    return CustomDataset(ann_file=ann_file, **arguments)


def files(paths: Sequence[str | os.PathLike[str]]) -> Listing:
    """Unlabelled files from anywhere; `root` is the folder that they share."""
    whole = [os.path.abspath(os.fspath(path)) for path in paths]
    if not whole:
        raise DataError("expected at least one file, got an empty list")
    root = os.path.commonpath([os.path.dirname(path) for path in whole]) if _one_drive(whole) else ""
    found = Listing(root, Names(os.path.relpath(path, root) if root else path for path in whole))
    lists.check_some_exist(found, "the list of files")
    return found


def folder(path: str | os.PathLike[str], suffixes: Sequence[str] = PICTURE_SUFFIXES) -> Listing:
    """A folder of pictures: a folder a class when all of them lie in subfolders, else unlabelled, with all below it."""
    root = os.path.expanduser(os.fspath(path))
    return _flat(root, suffixes) if lists.holds_pictures(root, suffixes) else _foldered(root, None, suffixes)


def first_or_chosen(found: Listing, indices: int | Sequence[int]) -> Listing:
    """The first n items, the last n when negative, or those at the given places."""
    if isinstance(indices, int):
        chosen = np.arange(len(found))[:indices] if indices >= 0 else np.arange(len(found))[indices:]
    else:
        chosen = np.arange(len(found))[np.asarray(indices, dtype=np.int64)]
    labels = None if found.labels is None else found.labels[chosen]
    return replace(found, names=Names(found.names[i] for i in chosen.tolist()), labels=labels)


def _annotated(root: str, path: str, classes: tuple[str, ...] | None) -> Listing:
    if path.endswith(".json"):
        names, labels, own = lists.read_json_annotations(path)
        classes = classes or given_classes(own, None)
    else:
        names, labels = lists.read_annotations(path)
    if not os.path.isdir(root):
        raise DataError(f"{root}: no such folder, though {path} lists images in it: check data_root and data_prefix")
    if labels is not None and int(labels.min()) < lists.UNLABELLED:
        raise DataError(f"{path}: labels must not be negative, got {int(labels.min())}")
    if classes is None and labels is not None:
        classes = annotated_classes(names, labels)
    if classes is not None:
        check_count(classes, labels, path)
    found = Listing(root, names, labels, classes)
    lists.check_some_exist(found, path)
    return found


def _foldered(root: str, classes: tuple[str, ...] | None, suffixes: Sequence[str]) -> Listing:
    names, labels, folders = lists.class_folders(root, suffixes)
    if not names and lists.holds_pictures(root, suffixes):
        return _flat(root, suffixes)
    if not names:
        what = f"any of its {len(folders)} folders" if folders else "it, nor a folder for each class"
        raise DataError(f"{root}: no picture ({', '.join(suffixes)}) in {what}")
    if classes is None:
        classes = folder_classes(folders)
    elif set(classes) == set(folders):
        classes = folders  # the same names in another order: labels follow the sorted folders, so must they
    elif len(classes) != len(folders):
        raise DataError(f"{root}: {len(folders)} class folders, but {len(classes)} class names are given")
    return Listing(root, names, labels, classes)


def _flat(root: str, suffixes: Sequence[str]) -> Listing:
    names = lists.scan(root, suffixes)
    if not names:
        raise DataError(f"{root}: no picture ({', '.join(suffixes)}) in it or below it")
    return Listing(root, Names(names))


def _prefix(data_prefix: Any) -> str:
    if isinstance(data_prefix, Mapping):
        unknown = [key for key in data_prefix if key != "img_path"]
        if unknown:
            raise ConfigError(f"data_prefix: unknown entry {unknown[0]!r}, expected 'img_path'")
        return data_prefix.get("img_path", "")
    return os.fspath(data_prefix)


def _joined(root: Any, path: str) -> str:
    joined = os.path.join(os.path.expanduser(os.fspath(root or "")), os.path.expanduser(path)) or "."
    return joined.rstrip("/") or "/"


def _one_drive(paths: Sequence[str]) -> bool:
    return len({os.path.splitdrive(path)[0] for path in paths}) == 1
