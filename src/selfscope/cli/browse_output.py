"""Where `selfscope browse` puts its pictures: files, contact sheets, a run, a window."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from selfscope.cli.console import counted
from selfscope.cli.files import SUFFIXES, encode_picture, make_folder, save_picture, write_file

if TYPE_CHECKING:
    import numpy as np

    from selfscope.records import Sample
    from selfscope.visualization.visualizer import Visualizer

SHEET_NAME = "contact_sheet"
SHEETS = {"transformed": (24, None), "original": (24, None), "concat": (6, 2), "pipeline": (6, 1)}
"""How many samples go onto one sheet, in how many columns: pictures with words in them must stay readable."""
NOTES = 6
"""So many different notes stand below a sheet."""


@dataclass(frozen=True)
class Drawn:
    """What becomes of one sample: only the parts that are wanted."""

    key: str
    named: str
    """What stands under it on a sheet."""
    suffix: str
    notes: tuple[str, ...] = ()
    """What must be known to read its picture, for the foot of a sheet."""
    file: bytes | None = None
    """The encoded picture."""
    cell: np.ndarray | None = None
    """Its picture on a sheet."""
    shown: np.ndarray | None = None
    sample: Sample | None = None


@dataclass(frozen=True)
class Draw:
    """Draws and encodes a sample in whichever process made it; which parts are wanted is known before."""

    files: bool = False
    sheet_samples: int | None = 0
    """So many of the first samples go onto sheets; None: all."""
    shows: bool = False
    records: bool = False

    def __call__(self, sample: Sample) -> Drawn:
        from selfscope.draw.sample import on_paper, reading_notes

        suffix = Path(sample.path or "").suffix
        suffix = suffix if suffix.lower() in SUFFIXES else ".png"
        on_sheet = self.sheet_samples is None or sample.index < self.sheet_samples
        draws = self.files or self.shows or on_sheet
        body = sample.plot(title=False) if draws else None
        picture = on_paper(sample, body) if body is not None and (self.files or self.shows) else None
        return Drawn(
            key=sample.key,
            named=f"{sample.key} · {sample.label_name}" if sample.label_name else sample.key,
            suffix=suffix,
            notes=reading_notes(sample.settings) if on_sheet else (),
            file=_encoded(sample, picture, suffix) if picture is not None and self.files else None,
            cell=body if on_sheet else None,
            shown=picture if self.shows else None,
            sample=sample if self.records else None,
        )


def _encoded(sample: Sample, picture: np.ndarray, suffix: str) -> bytes:
    """Photos and grey words alone need no coloured ink; enlarged pixels have edges as sharp as ink."""
    from selfscope.draw.views import enlargement

    photos = sample.mask is None and sample.boxes is None and sample.settings.get("mode") in (None, "transformed")
    sharp = enlargement([view.picture for view in sample.views]) > 1
    return encode_picture(picture, suffix, coloured_ink=sharp or not photos)


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for."""

    folder: Path | None
    records: bool
    """Whether a run keeps every sample."""
    show_seconds: float | None
    """None: no window."""
    grid: bool
    """Sheets of everything in place of a picture a sample."""
    title: str
    """What stands on every sheet."""
    mode: str

    @property
    def sheet(self) -> tuple[int, int | None]:
        """How many samples a sheet has, and its columns."""
        return SHEETS[self.mode]

    def draw(self) -> Draw:
        shows = self.show_seconds is not None
        # Twice as many as a sheet holds, since some may be unreadable and others follow: what is sent costs time.
        first = 2 * self.sheet[0] if self.folder is not None else 0
        return Draw(
            files=self.folder is not None and not self.grid,
            sheet_samples=None if self.grid else first,
            shows=shows and not self.grid,
            records=self.records,
        )


class Output:
    """Takes drawn samples in order; no file is written twice, and one sheet of cells is held at most."""

    def __init__(self, wanted: Wanted, visualizer: Visualizer | None, run: Path | None) -> None:
        self._wanted, self._visualizer, self._run = wanted, visualizer, run
        self._cells: list[tuple[np.ndarray, str]] = []
        self._notes: dict[str, list[str]] = {}
        self._taken = 0
        self._written: set[Path] = set()
        self._sheets: list[Path] = []
        if wanted.folder is not None:
            make_folder(wanted.folder)

    def __enter__(self) -> Output:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._visualizer is not None:
            from selfscope.store.writer import status_after

            self._visualizer.close(status=status_after(error))

    def take(self, drawn: Drawn) -> None:
        self._taken += 1
        if not drawn.named.isascii() and any(part is not None for part in (drawn.file, drawn.shown, drawn.cell)):
            from selfscope.draw.glyphs import resolve

            resolve(drawn.named)  # which font is missing is told here: the worker that drew it is silent
        if drawn.file is not None:
            path = self._path(drawn)
            write_file(path, drawn.file)
            self._written.add(path)
        if drawn.sample is not None and self._visualizer is not None:
            self._visualizer.write(drawn.sample)
        if drawn.shown is not None:
            self._show(drawn.shown, drawn.key)
        most = self._wanted.sheet[0]
        if drawn.cell is not None and (self._wanted.grid or self._taken <= most):
            self._cells.append((drawn.cell, drawn.named))
            for note in drawn.notes:
                self._notes.setdefault(note, []).append(drawn.key)
            if self._wanted.grid and len(self._cells) == most:
                self._finish_sheet()

    def finish(self) -> None:
        """Makes the sheet of what is left, or of what was seen first."""
        if self._cells:
            self._finish_sheet()

    def told(self) -> list[str]:
        """What there is now, in lines to print."""
        wanted = self._wanted
        lines = [f"{counted(len(self._written), 'picture')} in {wanted.folder}"] if self._written else []
        if len(self._sheets) == 1 and not wanted.grid:
            shown = min(self._taken, wanted.sheet[0])
            lines.append(f"contact sheet of {f'the first {shown}' if shown > 1 else 'it'}: {self._sheets[0]}")
        elif self._sheets:
            said = f"{counted(len(self._sheets), 'contact sheet')} of {counted(self._taken, 'sample')}"
            lines.append(f"{said} in {wanted.folder}")
        return lines + ([f"run: {self._run}"] if self._run is not None else [])

    def _finish_sheet(self) -> None:
        from selfscope.draw.compose import contact_sheet

        wanted, first = self._wanted, self._taken - len(self._cells) + 1 if self._wanted.grid else 1
        last = first + len(self._cells) - 1
        span = f"samples {first} to {last}" if last > first else f"sample {first}"
        footer = [span, *_some([_whose(note, keys, len(self._cells)) for note, keys in self._notes.items()])]
        sheet = contact_sheet(self._cells, columns=wanted.sheet[1], title=wanted.title, footer=footer, words=True)
        number = f"_{len(self._sheets) + 1:04d}" if wanted.grid else ""
        if wanted.folder is not None:
            self._sheets.append(wanted.folder / f"{SHEET_NAME}{number}.png")
            save_picture(self._sheets[-1], sheet)
        if wanted.grid and wanted.show_seconds is not None:
            self._show(sheet, f"{wanted.title}, {span}")
        self._cells, self._notes = [], {}

    def _show(self, picture: np.ndarray, title: str) -> None:
        assert self._visualizer is not None
        assert self._wanted.show_seconds is not None
        self._visualizer.show(picture, win_name=title, wait_time=self._wanted.show_seconds)

    def _path(self, drawn: Drawn) -> Path:
        """The data set's own folders and name; a suffix that cannot be written becomes .png; no name is used twice."""
        assert self._wanted.folder is not None
        path, number = self._wanted.folder / f"{drawn.key}{drawn.suffix}", 0
        while path in self._written or path == self._wanted.folder / f"{SHEET_NAME}.png":
            number += 1
            path = self._wanted.folder / f"{drawn.key}-{number}{drawn.suffix}"
        return path


def _whose(note: str, keys: list[str], samples: int) -> str:
    """The note, with the samples it is about when these are not all."""
    if len(keys) == samples:
        return note
    return f"{keys[0]}: {note}" if len(keys) == 1 else f"{note} ({len(keys)} of {samples} samples)"


def _some(notes: list[str]) -> list[str]:
    """The first few notes; ranges that are stretched image by image differ in each."""
    more = [f"and {len(notes) - NOTES} more; each stands below its own picture"] if len(notes) > NOTES else []
    return notes[:NOTES] + more
