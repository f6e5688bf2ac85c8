"""`selfscope cache`: what is kept between runs, and how to be rid of it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from selfscope.cli.console import say


@dataclass(frozen=True)
class Cache:
    """Shows the features that `tsne` has kept, and their size; --clear removes them.

    They are in ~/.cache/selfscope, or where SELFSCOPE_CACHE says. Runs that were made of them keep theirs.
    """

    clear: bool = False
    """Remove kept features; fetched checkpoints stay."""
    unused_for: float = 0.0
    """With --clear: only those not written to for so many days."""

    def __call__(self) -> None:
        from selfscope.store.cache import cache_folder, kept_features, remove, size_in_words

        kept = sorted(kept_features(), key=lambda entry: entry.used)
        if self.clear:
            old = [entry for entry in kept if time.time() - entry.used >= self.unused_for * 86400]
            for entry in old:
                remove(entry.folder)
            say(f"removed {len(old)} of {len(kept)}, {size_in_words(sum(entry.size for entry in old))}")
            return
        for entry in kept:
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
            say(f"{when}  {size_in_words(entry.size):>8}  {entry.folder}")
        total = size_in_words(sum(entry.size for entry in kept))
        say(f"{len(kept)} set{'s' * (len(kept) != 1)} of features, {total} in {cache_folder()}; --clear removes them")
