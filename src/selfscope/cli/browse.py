"""`selfscope browse`: pictures of what the training pipeline hands to the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from selfscope.cli.console import progress_bar, say, say_error, say_skipped
from selfscope.cli.files import new_run_folder, open_visualizer
from selfscope.errors import UsageError

if TYPE_CHECKING:
    from selfscope.cli.browse_output import Output, Wanted
    from selfscope.config.reader import Config
    from selfscope.views.opening import Opened
_OR_RUN = " or --work-dir"


@dataclass(frozen=True)
class Browse:
    """Shows a data set as the model sees it: augmented views, masks, patches, rotations.

    Writes one picture a sample below --output-dir, in the data set's own folders, and a contact sheet of the first.
    With --grid, contact sheets of everything.
    """

    config: Positional[str | None] = None
    """Training config, or a folder of images."""
    output_dir: str | None = None
    """Folder for the pictures."""
    mode: Literal["transformed", "original", "concat", "pipeline"] = "transformed"
    """What the model sees; the original; the original with every crop and all that was drawn; every step."""
    grid: bool = False
    """Contact sheets of all samples instead of a picture each."""
    show: bool = False
    """Insist on a window: without a display the command ends at once."""
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
    workers: int = 0
    """Processes that read, transform and draw; any number makes the same pictures and numbers."""
    stats: int | None = None
    """Measure so many draws, tell what looks broken, write one figure and one JSON; pictures only with -n or --grid."""
    dataset: str | None = None
    """Instead of a config: a folder of images, one that Hugging Face datasets saved, or module:object."""
    transform: str | None = None
    """With a folder or --dataset: module:object or file.py:object, called with each image. It is imported."""
    bands: str | None = None
    """Images with other than three channels: which bands, from 1, are red, green and blue (4,3,2), or grey (1)."""
    band_range: tuple[float, float] | None = None
    """The values that are black and white in these bands; by default each image is stretched."""
    skip_type: tuple[str, ...] = ()
    """Transform types to leave out of the pipeline."""
    work_dir: str | None = None
    """Also record everything in a new run below this folder."""
    cfg_options: tuple[str, ...] = ()
    """Overrides of the config: a.b=c "k=[1,2]"."""
    trust_config: bool = False
    """Let the config import the code that it names."""

    def __call__(self) -> None:
        if self.workers > 0:
            from selfscope.data.workers import begin_server

            begin_server("selfscope.views.browse", "selfscope.cli.browse_output", "selfscope.draw.sample")
        from selfscope.views.opening import opened

        pictures = self.stats is None or self.n is not None or self.grid
        wanted = self._wanted(self._show_seconds()) if pictures else None
        source, transform = self._source()
        given = opened(
            source,
            transform,
            phase=self.phase,
            seed=self.seed,
            skip=self.skip_type,
            options=self.cfg_options,
            trust=self.trust_config,
            bands=self.bands,
            band_range=self.band_range,
        )
        if self.stats is not None:
            self._tell_statistics(given, self.stats)
        if wanted is not None:
            self._pictures(given, wanted)

    def _pictures(self, given: Opened, wanted: Wanted) -> None:
        from selfscope.views.browse import browse_opened

        skipped: list[tuple[str, str]] = []
        with progress_bar("browsing") as progress:
            samples = browse_opened(
                given,
                self.n,
                mode=self.mode,
                workers=self.workers,
                then=wanted.draw(),
                skipped=skipped,
                progress=progress,
            )
            with self._output(given.config, wanted) as output:
                for drawn in samples:
                    output.take(drawn)
                output.finish()
        say_skipped(skipped)
        for line in output.told():
            say(line)

    def _source(self) -> tuple[Any, Any]:
        """What to browse, and the transform for it: paths as they are, what is named `module:object` imported."""
        from selfscope.cli.named import looks_named, named_object

        if (self.config is None) == (self.dataset is None):
            raise UsageError("expected a config or a folder, or --dataset: one of them")
        source: Any = self.config if self.dataset is None else self.dataset
        if self.dataset is not None and looks_named(self.dataset):
            source = named_object(self.dataset, "--dataset")
        return source, None if self.transform is None else named_object(self.transform, "--transform")

    def _tell_statistics(self, given: Opened, n: int) -> None:
        from selfscope.cli import browse_statistics

        stats = browse_statistics.measured(given, n, self.phase, self.workers)
        browse_statistics.tell(stats)
        if self.output_dir is not None:
            browse_statistics.keep(stats, Path(self.output_dir))
        if self.work_dir is not None:
            run = new_run_folder(Path(self.work_dir), "browse_stats_")
            with open_visualizer(given.config, run, self.trust_config, seed=self.seed) as visualizer:
                visualizer.write(stats)
            say(f"run: {run}")

    def _show_seconds(self) -> float | None:
        """How long each window stays; None for no window."""
        from selfscope.visualization.window import display_missing

        if self.show and self.not_show:
            raise UsageError("--show and --not-show exclude each other: give one of them")
        missing = None if self.not_show else display_missing()
        if self.show and missing:
            raise UsageError(f"--show: {missing}; give --output-dir to have the pictures written")
        kept = self.output_dir or (self.work_dir and not self.grid)
        if not kept and (self.not_show or missing):
            reason = missing or "--not-show opens no window"
            raise UsageError(f"{reason}, so nothing would be seen: give --output-dir{'' if self.grid else _OR_RUN}")
        if missing:
            say_error(f"{missing}; pictures are only written (--not-show says so)")
        return None if self.not_show or missing else self.show_interval

    def _wanted(self, seconds: float | None) -> Wanted:
        from selfscope.cli.browse_output import Wanted

        folder = None if self.output_dir is None else Path(self.output_dir)
        return Wanted(folder, self.work_dir is not None, seconds, self.grid, self._title(), self.mode)

    def _title(self) -> str:
        """What is browsed and by what transform, and its phase where it has phases."""
        named = Path(self.config or self.dataset or "")
        configured = self.config is not None and not named.is_dir()
        phase = [self.phase] if configured or self.phase != "train" else []
        transform = [] if self.transform is None else [self.transform]
        return " · ".join([named.stem if configured else named.name, *transform, *phase, f"seed {self.seed}"])

    def _output(self, config: Config | None, wanted: Wanted) -> Output:
        from selfscope.cli.browse_output import Output

        run = None if self.work_dir is None else new_run_folder(Path(self.work_dir), "browse_")
        needed = run is not None or wanted.show_seconds is not None
        visualizer = open_visualizer(config, run, self.trust_config, seed=self.seed) if needed else None
        return Output(wanted, visualizer, run)
