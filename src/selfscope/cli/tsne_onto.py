"""`selfscope tsne … --onto RUN`: new points on a map that is there."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from selfscope.cli.tsne_map import MapFlags
from selfscope.errors import UsageError

if TYPE_CHECKING:
    from selfscope.cli.tsne import Tsne
    from selfscope.records import Embedding
    from selfscope.structures import Features

COLOURS = ("label", "trust", "continuity", "recall", "placed")


def check_onto(command: Tsne) -> None:
    """Refuses, before anything is extracted, a map that nothing can be placed on, and flags that the map decides."""
    if command.onto is None:
        return
    from selfscope.views.place import features_of, maps_of

    given = [flag for flag in fields(MapFlags) if getattr(command, flag.name) != flag.default]
    unused = ["--" + flag.name.replace("_", "-") for flag in given]
    unused += ["--seeds"] * (command.seeds != 1) + ["--thumbnails"] * (command.thumbnails is not None)
    if unused:
        raise UsageError(f"tsne: {', '.join(unused)} is for a map of its own; --onto takes the one that is there")
    if command.color_by not in COLOURS:
        raise UsageError(f"tsne: --onto is coloured by {', '.join(COLOURS)}, not {command.color_by}")
    for embedding in maps_of(command.onto).values():
        features_of(embedding)


def placed_onto(run: str, features: Features, stage: str) -> Embedding:
    from selfscope.views.place import map_of, place

    return place(features, map_of(run, stage), stage)
