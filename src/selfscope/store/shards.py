"""Features of many images in one folder: written shard by shard, carried on where they broke off, checked when read.

    begun.json          what the features are of, and how the work was divided
    shards/000000.npz   features of one stretch of the data; a file that has its name is whole and on the disk
    <stage>.npy         all of them, in order: what `numpy.save` would write
    features.json       written last: shapes, checksums, what was skipped, and whatever the caller adds

Processes of one job share the folder: each writes shards of its own, one of them finishes.
"""

from __future__ import annotations

import json
import logging
import os
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from selfscope.errors import RunError
from selfscope.store.cache import BLOCK, remove
from selfscope.store.claim import read_json, write_json
from selfscope.store.features import FeatureSink
from selfscope.store.whole import whole

log = logging.getLogger(__name__)
FORMAT = 1


@dataclass(frozen=True, eq=False)
class Shard:
    """Features of one stretch of a data set."""

    arrays: Mapping[str, np.ndarray]
    """`(n, D)` by stage; empty when not one image of the stretch could be read."""
    skipped: Sequence[tuple[int, str]] = ()
    """Place in the data set, and why, of each image that has no row."""
    notes: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class StoredFeatures:
    """Features that are whole on the disk."""

    arrays: Mapping[str, np.ndarray]
    """`(N, D)` by stage, mapped into memory, read only."""
    skipped: tuple[tuple[int, str], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the caller of `finish` wanted to be known."""
    notes: tuple[str, ...] = ()


class FeatureFolder:
    """The folder of features that are fully described by `identity`, plain values; features of another are refused."""

    def __init__(self, folder: str | Path, identity: Mapping[str, Any]) -> None:
        self.folder = Path(folder)
        self.identity = json.loads(json.dumps(identity, default=repr))

    def read(self) -> StoredFeatures | None:
        """The finished features after a look at every byte; None when there are none, a RunError when damaged."""
        path = self.folder / "features.json"
        if not path.exists():
            return None
        found = read_json(path)
        if found.get("format") != FORMAT or found.get("identity") != self.identity:
            raise RunError(f"{self.folder}: holds features of another model, data or version")
        arrays = {stage: self._checked(stage, facts) for stage, facts in found["stages"].items()}
        skipped = tuple((int(place), str(reason)) for place, reason in found["skipped"])
        return StoredFeatures(arrays, skipped, found["facts"], tuple(found["notes"]))

    def begin(self, plan: Mapping[str, Any]) -> None:
        """Starts afresh by this plan: shards of an earlier one are removed."""
        if (self.folder / "shards").exists():
            remove(self.folder / "shards")
        try:
            (self.folder / "shards").mkdir(parents=True)
        except OSError as error:
            raise RunError(f"{self.folder}: cannot be written: {error.strerror or error}") from error
        write_json(self.folder / "begun.json", {"format": FORMAT, "identity": self.identity, "plan": dict(plan)})

    def begun(self) -> dict[str, Any] | None:
        """The plan of what was begun here and not finished."""
        begun = read_json(self.folder / "begun.json")
        same = begun.get("format") == FORMAT and begun.get("identity") == self.identity
        return dict(begun["plan"]) if same else None

    def missing(self, count: int) -> list[int]:
        """Which of `count` shards are still to be made; damaged ones are among them, and the log names these."""
        wanted = []
        for number in range(count):
            if not self._path(number).exists():
                wanted.append(number)
                continue
            try:
                self.shard(number)
            except RunError as error:
                log.warning("%s; it is made again", error)
                self._path(number).unlink()
                wanted.append(number)
        return wanted

    def write(self, number: int, shard: Shard) -> None:
        """Stores a shard; when this returns it survives a crash of the machine."""
        about = json.dumps({"skipped": [list(item) for item in shard.skipped], "notes": list(shard.notes)})
        parts: dict[str, Any] = {"about": np.array(about)}
        parts.update((f"at {name}", rows) for name, rows in shard.arrays.items())
        path = self._path(number)
        with whole(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **parts)
            file.flush()
            os.fsync(file.fileno())
        try:
            sync_folder(path.parent)
        except OSError as error:
            raise RunError(f"{path}: cannot be written: {error.strerror or error}") from error

    def shard(self, number: int) -> Shard:
        """A stored shard, read whole: the checksums of its parts are compared."""
        path = self._path(number)
        try:
            with path.open("rb") as file, np.load(file) as parts:
                about = json.loads(str(parts["about"]))
                arrays = {name.removeprefix("at "): parts[name] for name in parts.files if name != "about"}
        except FileNotFoundError as error:
            raise RunError(
                f"{path}: is not there; processes of one job need one folder that all of them see"
            ) from error
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise RunError(f"{path}: is damaged") from error
        skipped = [(int(place), str(reason)) for place, reason in about["skipped"]]
        return Shard(arrays, skipped, about["notes"])

    def finish(self, count: int, facts: Mapping[str, Any]) -> StoredFeatures:
        """Joins `count` shards, in order, to one array a stage; they are removed when that is done."""
        skipped: list[tuple[int, str]] = []
        notes: dict[str, None] = {}
        with FeatureSink(self.folder) as sink:
            for shard in self._shards(count):
                skipped += shard.skipped
                notes.update(dict.fromkeys(shard.notes))
                if shard.arrays:
                    sink.append(shard.arrays)
        stages = {stage: self._described(stage) for stage in sink.stages}
        if not stages:
            remove(self.folder)
            return StoredFeatures({}, tuple(skipped), facts, tuple(notes))
        written = {"format": FORMAT, "identity": self.identity, "stages": stages, "skipped": skipped}
        write_json(self.folder / "features.json", {**written, "notes": list(notes), "facts": dict(facts)})
        remove(self.folder / "shards")
        (self.folder / "begun.json").unlink(missing_ok=True)
        stored = self.read()
        assert stored is not None
        return stored

    def awaited(self, seconds: float = 120.0) -> StoredFeatures:
        """What another process has finished; network folders show new files late."""
        end = time.monotonic() + seconds
        while (found := self.read()) is None:
            if time.monotonic() > end:
                raise RunError(f"{self.folder}: features of the other processes are not seen here: share one folder")
            time.sleep(0.1)
        return found

    def _shards(self, count: int) -> Iterator[Shard]:
        return (self.shard(number) for number in range(count))

    def _described(self, stage: str) -> dict[str, Any]:
        path = FeatureSink(self.folder).path(stage)
        array = np.load(path, mmap_mode="r")
        return {"file": path.name, "shape": list(array.shape), "dtype": array.dtype.str, "crc32": checksum(path)}

    def _checked(self, stage: str, facts: Mapping[str, Any]) -> np.ndarray:
        path = self.folder / facts["file"]
        try:
            array = np.load(path, mmap_mode="r")
            whole = list(array.shape) == facts["shape"] and array.dtype.str == facts["dtype"]
            whole = whole and checksum(path) == facts["crc32"]
        except (OSError, ValueError, EOFError) as error:
            raise RunError(f"{path}: features {stage} cannot be read") from error
        if not whole:
            raise RunError(f"{path}: features {stage} are not what was written")
        return array

    def _path(self, number: int) -> Path:
        return self.folder / "shards" / f"{number:06d}.npz"


class MemoryShards:
    """The same without a folder: features stay in memory, and nothing is carried on."""

    def __init__(self) -> None:
        self._shards: dict[int, Shard] = {}
        self._plan: dict[str, Any] | None = None

    def begin(self, plan: Mapping[str, Any]) -> None:
        self._plan = dict(plan)

    def begun(self) -> dict[str, Any] | None:
        return self._plan

    def missing(self, count: int) -> list[int]:
        return [number for number in range(count) if number not in self._shards]

    def write(self, number: int, shard: Shard) -> None:
        self._shards[number] = shard

    def awaited(self) -> StoredFeatures:
        raise RunError("features in memory are not shared between processes: give a folder")

    def finish(self, count: int, facts: Mapping[str, Any]) -> StoredFeatures:
        shards = [self._shards[number] for number in range(count)]
        full = [shard.arrays for shard in shards if shard.arrays]
        arrays = {name: np.concatenate([part[name] for part in full]) for name in (full[0] if full else ())}
        skipped = tuple(item for shard in shards for item in shard.skipped)
        return StoredFeatures(arrays, skipped, facts, tuple(dict.fromkeys(n for s in shards for n in s.notes)))


def checksum(path: Path) -> int:
    """CRC-32 of a file's bytes."""
    value = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            value = zlib.crc32(block, value)
    return value


def sync_folder(folder: Path) -> None:
    """Makes names of files that were just given survive a crash of the machine, where the system can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
