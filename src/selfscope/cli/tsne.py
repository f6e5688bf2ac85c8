"""`selfscope tsne`: a map of a checkpoint's features."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from selfscope.cli.console import log_to, say, say_skipped
from selfscope.cli.files import open_visualizer
from selfscope.cli.tsne_course import expanded, map_course
from selfscope.cli.tsne_map import MapFlags
from selfscope.cli.tsne_picture import PictureFlags
from selfscope.cli.tsne_source import Source, SourceFlags

if TYPE_CHECKING:
    from selfscope.embedding.graph import Neighbours
    from selfscope.records import Embedding
    from selfscope.structures import Features

log = logging.getLogger("selfscope.tsne")


@dataclass(frozen=True)
class Tsne(MapFlags, PictureFlags, SourceFlags):
    """Extracts features with a config and a checkpoint, and maps them, with numbers that say how far to trust the map.

    Leaves features, pictures, a log and a run below --work-dir.
    """

    show: bool = False
    """Open the picture in a window."""

    def __call__(self) -> None:
        if self.config is None and self.checkpoint and self.checkpoint[-1].endswith(".py"):
            replace(self, config=self.checkpoint[-1], checkpoint=self.checkpoint[:-1])()  # `--checkpoint C CONFIG`
            return
        options = self.map_options(self.seed, self.seeds)
        self.check_picture()
        checkpoints = expanded(self.checkpoint)
        if len(checkpoints) > 1:
            map_course(self, checkpoints, options)
            return
        source = replace(self, checkpoint=tuple(checkpoints)).source()
        if source.helps():
            return
        folder = source.new_run()
        with ExitStack() as stack:
            stack.enter_context(log_to(folder / "extract.log"))
            log.info("selfscope tsne %s", {k: v for k, v in asdict(self).items() if v not in (None, ())})
            visualizer = stack.enter_context(open_visualizer(source.config, folder, self.trust_config))
            if source.config is not None:
                visualizer.add_config(source.config)
            features = source.features(folder)
            joined = self.joined(features)
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

    def _map(self, source: Source, features: Features, stage: str, options: dict[str, Any]) -> Embedding:
        from selfscope.views.colouring import queries_for

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
        say(f"{embedding.key}: {len(embedding.coords):,} points{fitted}")
        for line in (trust_line(embedding.quality, len(embedding.coords)), *reference_line(embedding.quality)):
            say(f"  {line}")
        for doubt in embedding.settings.get("doubts", ()):
            say(f"  {doubt}")
