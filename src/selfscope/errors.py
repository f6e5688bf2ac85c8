"""One exception tree: everything that selfscope refuses, it refuses with a sentence from here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SelfscopeError(Exception):
    """What was given, what is accepted, and what to do, in one sentence."""


class ConfigError(SelfscopeError):
    """A config that cannot be read or built; the sentence begins with `file:line:` where these are known."""

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None) -> None:
        self.file, self.line = file, line
        where = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        super().__init__(where + message)


class RecordError(SelfscopeError, ValueError):
    """A value that cannot become a record: wrong shape, dtype or range."""


class DataError(SelfscopeError):
    """A data set, image or annotation file that cannot be used."""


class CheckpointError(SelfscopeError):
    """Weights that cannot be read safely, or do not fit the model."""


class ModelError(SelfscopeError):
    """A model that cannot do what was asked of it."""


class TrainingError(SelfscopeError):
    """A training that cannot go on."""


class RunError(SelfscopeError):
    """A run folder that cannot be written or read."""


class UsageError(SelfscopeError):
    """Arguments that do not go together."""


class MissingExtraError(SelfscopeError, ImportError):
    """An optional package is needed; the sentence holds the exact command that installs it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        self.extra = extra
        super().__init__(f'{purpose} needs {package}: pip install "selfscope[{extra}]"')


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """` Did you mean 'x'?` for a misspelt word, or an empty string when nothing is close."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return f" Did you mean {found[0]!r}?" if found else ""


def distance(one: str, other: str) -> int:
    """How many letters must be put in, taken out or replaced to make one word the other (Levenshtein 1966)."""
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        above, row[0] = row[0], i
        for j, wanted in enumerate(other, 1):
            above, row[j] = row[j], min(above + (letter != wanted), row[j] + 1, row[j - 1] + 1)
    return row[-1]
