"""Why features are computed although the cache holds some: in what the nearest of them differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from selfscope.store.cache import kept_features
from selfscope.store.claim import read_json

WORDS = {
    "weights": "other weights",
    "model": "another model",
    "seed": "another seed",
    "data": "other images",
    "pipeline": "another pipeline",
    "image_size": "images of another size",
    "device": "another device",
    "dtype": "another precision",
    "full_precision": "another precision",
    "code selfscope": "another version of selfscope",
}
SOUGHT = ("weights", "model", "data")
"""Features of the cache that share none of these are not worth a word."""


def why_anew(identity: Mapping[str, Any]) -> str | None:
    """A line on the features of the cache that are most like those of `identity`; None where none are alike."""
    own = _flat(identity)
    found = [_different(own, other) for other in _kept() if any(own.get(n) == other.get(n) for n in SOUGHT)]
    if not found:
        return None
    nearest = min(found, key=lambda names: (len(names), names))
    return f"features: computed anew; the nearest in the cache have {_listed(nearest)}"


def _kept() -> Iterator[dict[str, Any]]:
    for kept in kept_features():
        identity = read_json(kept.folder / "features.json").get("identity")
        if isinstance(identity, dict):
            yield _flat(identity)


def _flat(identity: Mapping[str, Any]) -> dict[str, Any]:
    """`code` taken apart; a number of items goes with the data that has it."""
    rest = {name: value for name, value in identity.items() if name not in ("code", "items")}
    code = identity.get("code")
    return rest | ({f"code {name}": version for name, version in code.items()} if isinstance(code, Mapping) else {})


def _different(own: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """What differs, in words, the weightiest first."""
    names = [name for name in {**dict.fromkeys(WORDS), **own, **other} if own.get(name) != other.get(name)]
    return list(dict.fromkeys(_words(name, other) for name in names))


def _words(name: str, other: Mapping[str, Any]) -> str:
    if name in WORDS:
        return WORDS[name]
    if name.startswith("code "):
        return f"another version of {name.removeprefix('code ')} ({other.get(name, 'none')})"
    return f"another {name}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
