"""Features of many images, streamed to disk: memory holds one batch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from selfscope.errors import RecordError, RunError
from selfscope.store.filenames import safe_name


class FeatureSink:
    """Appends `(n, D)` batches to `<folder>/<stage>.npy`, one file a stage.

    Rows go to `<stage>.npy.partial`; `close` completes the header and gives the file its name, so a `.npy` that
    exists is whole. The bytes are those of `numpy.save`. A block that raises leaves only the partial files.
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
        arrays: dict[str, np.ndarray] = {}
        for stage, file in self._files.items():
            file.seek(0)
            self._write_header(stage)
            file.close()
            final = self._path(stage)
            self._partial(stage).replace(final)
            arrays[stage] = np.load(final, mmap_mode="r") if self._shapes[stage][0] else np.load(final)
        self._files.clear()
        return arrays

    def __enter__(self) -> FeatureSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        for file in self._files.values():
            file.close()

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

    def _path(self, stage: str) -> Path:
        return self.folder / f"{safe_name(stage).replace('/', '_')}.npy"

    def _partial(self, stage: str) -> Path:
        path = self._path(stage)
        return path.with_name(f"{path.name}.partial")
