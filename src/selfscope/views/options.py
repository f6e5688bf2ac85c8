"""Options that a function takes by name become the object that stands for them, or are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from selfscope.errors import UsageError, nearest


def made_of(kind: type, options: Mapping[str, Any], name: str, also: Sequence[str] = ()) -> Any:
    """The frozen dataclass `kind` of these options; a sentence of `name`'s for one that neither it nor `also` has."""
    accepted = [*kind.__dataclass_fields__, *also]  # type: ignore[attr-defined]
    for word in options:
        if word not in accepted:
            hint = nearest(word, accepted)
            raise UsageError(f"{name}: has no option {word!r}.{hint} The options are {', '.join(accepted)}")
    try:
        return kind(**options)
    except TypeError as error:
        raise UsageError(f"{name}: an option is of another type than it should be: {error}") from error
