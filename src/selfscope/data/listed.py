"""Which items a config's data set has, without its pipeline: neither torch nor a picture is touched."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from selfscope.config.registry import DATASETS
from selfscope.config.values import ConfigDict
from selfscope.data.listing import Listing


def listed(config: Mapping[str, Any], *, trust: bool = False) -> Listing | None:
    """The listing of a config's `dataset` dict; None for a data set class of the user's own."""
    source = config.copy() if isinstance(config, ConfigDict) else ConfigDict(config)
    source.pop("pipeline", None)
    found = DATASETS.build(source, trust=trust)
    return found if isinstance(found, Listing) else None


def digest_of_listing(listing: Listing, places: np.ndarray) -> str:
    """Hex digits that change when one of these files is another, was written anew, or stands in another place."""
    digest = hashlib.blake2b()
    for place in places.tolist():
        path = os.path.join(listing.root, listing.names[place])
        try:
            found = os.stat(path)
            state = f"{found.st_size} {found.st_mtime_ns}"
        except OSError:
            state = "missing"
        digest.update(os.fsencode(f"{os.path.abspath(path)}\0{state}\n"))
    return digest.hexdigest()
