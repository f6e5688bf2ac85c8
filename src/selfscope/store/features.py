"""Features of many images, streamed to disk: memory holds one batch."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from selfscope.errors import RecordError, RunError
from selfscope.store.filenames import flat_name


class FeatureSink:
    """Appends `(n, D)` batches to `<folder>/<stage>.npy`, one file a stage.

    Rows go to `<stage>.npy.partial`; `close` completes the header and gives the file its name once it is on the disk,
    so a `.npy` that exists is whole. The bytes are those of `numpy.save`. A block that raises leaves only the partial
    files.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._files: dict[str, BinaryIO] = {}
        self._shapes: dict[str, tuple[int, int]] = {}
        self._dtypes: dict[str, np.dtype] = {}

    def append(self, batch: Mapping[str, np.ndarray]) -> None:
        """One `(n, D)` array a stage; every call names the same stages with the same D and dtype."""
        if self._files and set(batch) != set(self._files):
            raise RecordError(f"features: expected the stages {sorted(self._files)}, got {sorted(batch)}")
        for stage, rows in batch.items():
            known = self._shapes.get(stage)
            if rows.ndim != 2 or (known and (rows.shape[1] != known[1] or rows.dtype != self._dtypes[stage])):
                wanted = f"(n, {known[1]}) {self._dtypes[stage]}" if known else "(n, D)"
                raise RecordError(f"{stage}: expected {wanted} features, got {rows.shape} {rows.dtype}")
        try:
            for stage, rows in batch.items():
                if stage not in self._files:
                    self._open(stage, rows)
                self._files[stage].write(np.ascontiguousarray(rows).data)
                self._shapes[stage] = (self._shapes[stage][0] + len(rows), rows.shape[1])
        except OSError as error:
            raise RunError(f"{self.folder}: features cannot be written: {error.strerror or error}") from error

    def close(self) -> dict[str, np.ndarray]:
        """Completes the files and returns them mapped into memory, `(N, D)` by stage."""
        try:
            for stage, file in self._files.items():
                file.seek(0)
                self._write_header(stage)
                file.flush()
                os.fsync(file.fileno())
                file.close()
                self._partial(stage).replace(self.path(stage))
        except OSError as error:
            raise RunError(f"{self.folder}: features cannot be written: {error.strerror or error}") from error
        finally:
            stages = list(self._files)
            self._give_up()
        return {stage: np.load(self.path(stage), mmap_mode="r" if self._shapes[stage][0] else None) for stage in stages}

    @property
    def stages(self) -> tuple[str, ...]:
        """Those that were appended, in order."""
        return tuple(self._shapes)

    def path(self, stage: str) -> Path:
        """The finished file of a stage."""
        return self.folder / f"{flat_name(stage)}.npy"

    def __enter__(self) -> FeatureSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        self._give_up()

    def _give_up(self) -> None:
        """Closes what is open; what the disk refuses is lost, and said by whoever wrote it."""
        for file in self._files.values():
            with suppress(OSError):
                file.close()
        self._files.clear()

    def _open(self, stage: str, rows: np.ndarray) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._shapes[stage], self._dtypes[stage] = (0, rows.shape[1]), rows.dtype
        self._files[stage] = self._partial(stage).open("wb")
        self._write_header(stage)

    def _write_header(self, stage: str) -> None:
        # numpy pads the header so that the first axis can grow to 21 digits: the length stays the same
        descr = npy.dtype_to_descr(self._dtypes[stage])
        header = {"descr": descr, "fortran_order": False, "shape": self._shapes[stage]}
        npy.write_array_header_1_0(self._files[stage], header)

    def _partial(self, stage: str) -> Path:
        path = self.path(stage)
        return path.with_name(f"{path.name}.partial")


def keep_features(array: np.ndarray, path: Path) -> None:
    """`path` as the `.npy` file of `array`: a second name of the file that is mapped, or else, written anew.

    Features of a million images then take their place on the disk once.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    source = mapped_file(array)
    if source is not None:
        if path.exists() and path.samefile(source):
            return
        try:
            path.unlink(missing_ok=True)
            os.link(source, path)
        except OSError:  # another disk, or a file system without links
            partial = path.with_name(f"{path.name}.partial")
            shutil.copyfile(source, partial)
            partial.replace(path)
        return
    with FeatureSink(path.parent) as sink:
        sink.append({path.stem: array})


def mapped_file(array: np.ndarray) -> Path | None:
    """The `.npy` file that the whole of `array` is mapped from; None for an array in memory or a part of a file."""
    if not isinstance(array, np.memmap) or array.filename is None or array.mode != "r" or not array.flags.c_contiguous:
        return None
    source = Path(array.filename)
    try:
        whole = np.load(source, mmap_mode="r")
    except (OSError, ValueError):
        return None
    same = whole.shape == array.shape and whole.dtype == array.dtype and whole.offset == array.offset
    return source if same else None
