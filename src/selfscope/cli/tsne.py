"""`selfscope tsne`: a map of a checkpoint's features."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from selfscope.cli.console import log_to, progress_bar, say, say_skipped
from selfscope.cli.files import open_visualizer
from selfscope.cli.tsne_picture import PictureFlags
from selfscope.cli.tsne_source import Source, SourceFlags

if TYPE_CHECKING:
    from selfscope.records import Embedding
    from selfscope.structures import Features

log = logging.getLogger("selfscope.tsne")


@dataclass(frozen=True)
class Tsne(PictureFlags, SourceFlags):
    """Extracts features with a config and a checkpoint, and maps them, with numbers that say how far to trust the map.

    Leaves features, pictures, a log and a run below --work-dir.
    """

    method: Literal["tsne", "pca"] = "tsne"
    metric: Literal["euclidean", "cosine"] = "euclidean"
    n_components: int = 2
    perplexity: float = 30.0
    early_exaggeration: float = 12.0
    learning_rate: float | Literal["auto"] = "auto"
    """auto: N / exaggeration."""
    n_iter: int = 400
    """Most iterations of the descent; its schedule fits itself to them."""
    n_iter_without_progress: int = 300
    init: Literal["pca", "random"] = "pca"
    show: bool = False
    """Open the picture in a window."""

    def __call__(self) -> None:
        options = self._engine_options()
        self.check_picture()
        source = self.source()
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

    def _engine_options(self) -> dict[str, Any]:
        """Checked before the features are extracted, not after."""
        from selfscope.embedding.tsne import TSNE

        names = [name for name in TSNE.__dataclass_fields__ if hasattr(self, name)]
        options = {name: getattr(self, name) for name in names}
        TSNE(**options)
        return options

    def _map(self, source: Source, features: Features, stage: str, options: dict[str, Any]) -> Embedding:
        from selfscope.views.colouring import queries_for
        from selfscope.views.embed import pca, tsne

        queries = queries_for(self.color_by)
        if self.method == "pca":
            return pca(features, stage, n_components=self.n_components, metric=self.metric, queries=queries)
        with progress_bar(f"t-SNE of {stage}", "iterations") as progress:
            kept = source.neighbours(stage, features.arrays[stage], options)
            return tsne(
                features, stage, seeds=self.seeds, neighbours=kept, queries=queries, progress=progress, **options
            )

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
