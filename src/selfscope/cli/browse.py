"""`selfscope browse`: pictures of what the training pipeline hands to the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from selfscope.cli.console import progress_bar, say, say_error, say_skipped
from selfscope.cli.files import SUFFIXES, make_folder, new_run_folder, open_visualizer, save_picture
from selfscope.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from selfscope.config.reader import Config
    from selfscope.records import Sample
    from selfscope.visualization.visualizer import Visualizer

SHEET_SAMPLES = 24
SHEET_NAME = "contact_sheet.png"


@dataclass(frozen=True)
class Browse:
    """Shows a data set as the model sees it: augmented views, masks, patches, rotations.

    Writes one picture a sample below --output-dir, in the data set's own folders, and a contact sheet of the first.
    """

    config: Positional[str]
    """Training config, or a folder of images."""
    output_dir: str | None = None
    """Folder for the pictures."""
    not_show: bool = False
    """Open no window."""
    show_interval: float = 2.0
    """Seconds that each picture stays in its window."""
    phase: Literal["train", "val", "test"] = "train"
    """Which of the config's data loaders."""
    n: Annotated[int | None, arg(aliases=["-n"])] = None
    """Number of samples; all by default."""
    seed: int = 0
    """The same seed shows the same crops, flips and masks."""
    skip_type: tuple[str, ...] = ()
    """Transform types to leave out of the pipeline."""
    work_dir: str | None = None
    """Also record everything in a new run below this folder."""
    cfg_options: tuple[str, ...] = ()
    """Overrides of the config: a.b=c "k=[1,2]"."""
    trust_config: bool = False
    """Let the config import the code that it names."""

    def __call__(self) -> None:
        from selfscope.views.browse import browse

        shows = self._will_show()
        source = self._source()
        skipped: list[tuple[str, str]] = []
        with progress_bar("browsing") as progress, self._sink(source, shows) as sink:
            samples = browse(
                source,
                self.n,
                phase=self.phase,
                seed=self.seed,
                skip=self.skip_type,
                options=self.cfg_options if isinstance(source, str) else None,
                trust=self.trust_config,
                skipped=skipped,
                progress=progress,
            )
            for sample in samples:
                sink.take(sample)
            sink.finish()
        say_skipped(skipped)
        for line in sink.told():
            say(line)

    def _will_show(self) -> bool:
        from selfscope.visualization.window import display_missing

        missing = None if self.not_show else display_missing()
        kept = self.output_dir or self.work_dir
        if not kept and (self.not_show or missing):
            reason = missing or "--not-show opens no window"
            raise UsageError(f"{reason}, so nothing would be seen: give --output-dir or --work-dir")
        if missing:
            say_error(f"{missing}; pictures are only written (--not-show says so)")
        return not self.not_show and not missing

    def _source(self) -> str | Config:
        from selfscope.config.reader import load_config

        return (
            self.config
            if Path(self.config).is_dir()
            else load_config(self.config, self.cfg_options, trust=self.trust_config)
        )

    def _sink(self, source: str | Config, shows: bool) -> _Sink:
        config = None if isinstance(source, str) else source
        run = None if self.work_dir is None else new_run_folder(Path(self.work_dir), "browse_")
        visualizer = open_visualizer(config, run, self.trust_config) if run or shows else None
        folder = None if self.output_dir is None else Path(self.output_dir)
        return _Sink(folder, run, visualizer, self.show_interval if shows else None)


class _Sink:
    """Draws each sample once, and hands the picture to the folder, the run and the window that were asked for."""

    def __init__(
        self, folder: Path | None, run: Path | None, visualizer: Visualizer | None, show_seconds: float | None
    ) -> None:
        self._folder, self._run, self._visualizer, self._seconds = folder, run, visualizer, show_seconds
        self._cells: list[tuple[np.ndarray, str]] = []
        self._written: set[Path] = set()
        self._sheet: Path | None = None
        if folder is not None:
            make_folder(folder)

    def __enter__(self) -> _Sink:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._visualizer is not None:
            from selfscope.store.writer import status_after

            self._visualizer.close(status=status_after(error))

    def take(self, sample: Sample) -> None:
        picture = sample.plot()
        if self._folder is not None:
            path = self._path(sample)
            save_picture(path, picture)
            self._written.add(path)
        if self._run is not None and self._visualizer is not None:
            self._visualizer.write(sample)
        if self._seconds is not None and self._visualizer is not None:
            self._visualizer.show(picture, win_name=sample.key, wait_time=self._seconds)
        if len(self._cells) < SHEET_SAMPLES:
            named = f"{sample.key} · {sample.label_name}" if sample.label_name else sample.key
            self._cells.append((sample.plot(title=False), named))

    def finish(self) -> None:
        """Makes the contact sheet of what was seen first."""
        if self._folder is None or not self._cells:
            return
        from selfscope.draw.compose import contact_sheet

        self._sheet = self._folder / SHEET_NAME
        save_picture(self._sheet, contact_sheet(self._cells))

    def told(self) -> list[str]:
        lines = [f"{len(self._written)} pictures in {self._folder}"] if self._folder is not None else []
        lines += [f"contact sheet of the first {len(self._cells)}: {self._sheet}"] if self._sheet else []
        return lines + ([f"run: {self._run}"] if self._run is not None else [])

    def _path(self, sample: Sample) -> Path:
        """The data set's own folders and name; a suffix that cannot be written becomes .png; no name is used twice."""
        assert self._folder is not None
        suffix = Path(sample.path or "").suffix
        suffix = suffix if suffix.lower() in SUFFIXES else ".png"
        path, number = self._folder / f"{sample.key}{suffix}", 0
        while path in self._written or path.name == SHEET_NAME:
            number += 1
            path = self._folder / f"{sample.key}-{number}{suffix}"
        return path
