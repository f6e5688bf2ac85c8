"""Short names for feature spaces, that tell twins apart by where they are from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import PurePath

from selfscope.structures import Features

Parts = tuple[str, ...]


def source_of(space: Features) -> str:
    """The checkpoint of features, or their model."""
    return str(space.settings.get("checkpoint") or space.settings.get("model") or "features")


def told_apart(sources: Sequence[str], kept: Sequence[str] | None = None) -> tuple[str, ...]:
    """Each one by its file's name; twins with the part of their paths that differs.

    `kept` says where features were read from: it decides where the source is the same. What nothing tells apart is
    numbered.
    """
    found = names = [PurePath(source).stem for source in sources]
    for places in [sources] if kept is None else [sources, kept]:
        twice = {name for name in found if found.count(name) > 1}
        found = [_named(i, names, places) if name in twice else name for i, name in enumerate(found)]
    return tuple(name if found.count(name) == 1 else f"{name} ({i})" for i, name in enumerate(found, 1))


def _named(item: int, names: Sequence[str], places: Sequence[str]) -> str:
    """The name with what tells the item's place from those of the others of that name; as it is where nothing does."""
    name = names[item]
    twins = [_parts(place) for place, other in zip(places, names, strict=True) if other == name]
    own, folders = _parts(places[item]), [place[:-1] for place in twins]
    if len(set(twins)) < len(twins):
        return name
    if any(PurePath(place[-1]).stem != name for place in twins):  # a run, rather than the file that is called so
        return f"{name} ({_differing(own, twins)})"
    if len(set(folders)) < len(twins):
        return "/".join(own[_shared(twins) :])
    word = _differing(own[:-1], folders)
    above = own[-2:-1] == (word.rpartition("/")[2],)
    return name if not word else f"{word}/{name}" if above else f"{word}/…/{name}"


def _parts(place: str) -> Parts:
    """Below the root, however the path was given: names become folders, which must not lead out of theirs."""
    path = PurePath(place if "://" in place else os.path.abspath(os.path.expanduser(place)))
    return path.parts[1:] if path.anchor else path.parts


def _differing(own: Parts, paths: Sequence[Parts]) -> str:
    """Of a path its uppermost folder in which all of them differ; all from the first that differs where none does."""
    start = _shared(paths)
    end = _shared([path[start:][::-1] for path in paths])
    middles = [path[start : len(path) - end] for path in paths]
    mine = own[start : len(own) - end]
    for depth in range(min(map(len, middles))):
        if len({middle[depth] for middle in middles}) == len(middles):
            return mine[depth]
    return "/".join(mine)


def _shared(paths: Sequence[Parts]) -> int:
    """How many parts all begin with."""
    shortest = min(map(len, paths))
    return next((i for i in range(shortest) if len({path[i] for path in paths}) > 1), shortest)
