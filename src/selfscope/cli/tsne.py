"""`selfscope tsne`: a map of a checkpoint's features."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from selfscope.cli.console import log_to, say, say_skipped
from selfscope.cli.files import open_visualizer
from selfscope.cli.tsne_course import expanded, map_course
from selfscope.cli.tsne_map import MapFlags
from selfscope.cli.tsne_onto import check_onto, placed_onto
from selfscope.cli.tsne_picture import PictureFlags
from selfscope.cli.tsne_source import Source, SourceFlags
from selfscope.errors import UsageError

if TYPE_CHECKING:
    from selfscope.embedding.graph import Neighbours
    from selfscope.records import Embedding
    from selfscope.structures import Features

log = logging.getLogger("selfscope.tsne")


OF_A_MODEL = (
    "checkpoint",
    "vis_stage",
    "pool",
    "max_num_class",
    "max_num_samples",
    "class_idx",
    "float16",
    "full_precision",
)


@dataclass(frozen=True)
class Tsne(MapFlags, PictureFlags, SourceFlags):
    """Extracts features with a config and a checkpoint, and maps them, with numbers that say how far to trust the map.

    Leaves features, pictures, a log and a run below --work-dir.
    """

    onto: str | None = None
    """The run of an earlier map by t-SNE: the new points are placed on it, and it stays as it is."""
    show: bool = False
    """Open the picture in a window."""

    def __call__(self) -> None:
        if self.config is None and self.checkpoint and self.checkpoint[-1].endswith(".py"):
            replace(self, config=self.checkpoint[-1], checkpoint=self.checkpoint[:-1])()  # `--checkpoint C CONFIG`
            return
        options = self.map_options(self.seed, self.seeds)
        checkpoints = expanded(self.checkpoint)
        if len(checkpoints) > 1:
            map_course(self, checkpoints, options)
            return
        self.check_picture()
        self._refuse_unused()
        check_onto(self)
        source = replace(self, checkpoint=tuple(checkpoints)).source()
        if source.helps():
            return
        folder = source.new_run()
        with ExitStack() as stack:
            stack.enter_context(log_to(folder / "extract.log"))
            log.info("selfscope tsne %s", {k: v for k, v in asdict(self).items() if v not in (None, ())})
            visualizer = stack.enter_context(open_visualizer(source.config, folder, self.trust_config, seed=self.seed))
            if source.config is not None:
                visualizer.add_config(source.config)
            features = source.features(folder)
            self.check_features(features)
            joined = self.joined(features)
            joined = joined if joined is None or self.onto is None else replace(joined, columns={})
            for stage in features.arrays:
                embedding = self._map(source, joined.features if joined else features, stage, options)
                embedding = self.completed(embedding, joined)
                visualizer.write(embedding)
                self._tell(embedding)
                picture = self.draw(embedding, folder / "saved_pictures")
                if self.show:
                    visualizer.show(picture, win_name=stage)
        say_skipped(features.skipped)
        say(f"run: {folder}")

    def _refuse_unused(self) -> None:
        """Flags that choose weights or images have no use where the features are given."""
        if self.features is None:
            return
        given = [flag for flag in fields(SourceFlags) if flag.name in OF_A_MODEL]
        unused = ["--" + f.name.replace("_", "-") for f in given if getattr(self, f.name) != f.default]
        if unused:
            raise UsageError(
                f"tsne: {', '.join(unused)} is for features of a config; all rows of --features are mapped"
            )

    def _map(self, source: Source, features: Features, stage: str, options: dict[str, Any]) -> Embedding:
        from selfscope.views.colouring import queries_for

        if self.onto is not None:
            return placed_onto(self.onto, features, stage)

        def kept() -> Neighbours | None:
            return source.neighbours(stage, features.arrays[stage], options)

        return self.make_map(features, stage, options, seeds=self.seeds, queries=queries_for(self.color_by), kept=kept)

    def _tell(self, embedding: Embedding) -> None:
        from selfscope.draw.map_words import reference_line, trust_line

        settings = {k: v for k, v in embedding.settings.items() if v is not None}
        log.info("map of %s: %s", embedding.key, settings)
        log.info("quality of %s: %s", embedding.key, dict(embedding.quality))
        lowered = settings.get("perplexity", 0) < settings.get("perplexity_asked", 0)
        fitted = f", perplexity lowered to {settings['perplexity']:.3g} for so few" if lowered else ""
        say(f"{embedding.key}: {len(embedding.coords):,} point{'' if len(embedding.coords) == 1 else 's'}{fitted}")
        for line in (trust_line(embedding.quality, len(embedding.coords)), *reference_line(embedding.quality)):
            say(f"  {line}")
        for doubt in embedding.settings.get("doubts", ()):
            say(f"  {doubt}")
