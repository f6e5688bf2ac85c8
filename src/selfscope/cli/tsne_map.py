"""Which map `selfscope tsne` makes, and by what method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from selfscope.cli.console import progress_bar
from selfscope.errors import UsageError

if TYPE_CHECKING:
    from selfscope.embedding.graph import Neighbours
    from selfscope.records import Embedding
    from selfscope.structures import Features


@dataclass(frozen=True)
class MapFlags:
    """The flags of the methods; those of another method than the one that is asked for are refused."""

    method: Literal["tsne", "umap", "pacmap", "pca"] = "tsne"
    """umap and pacmap need selfscope[umap] and selfscope[pacmap]."""
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
    n_neighbors: int | None = None
    """Of umap (15) and pacmap (10)."""
    min_dist: float = 0.1
    """Of umap."""
    map_device: str = "cpu"
    """Of tsne: cuda, cuda:1 or mps for torch's descent; --device is for the features."""

    def map_options(self, seed: int, seeds: int = 1) -> dict[str, Any]:
        """What the method takes, checked before any feature is extracted."""
        self._refuse_others(seeds)
        from selfscope.embedding.check import check_whole  # numpy, which --help does without

        check_whole("seed", seed, 0)
        if self.method == "pca":
            return {"metric": self.metric, "n_components": self.n_components}
        engine, names, given = self._engine()
        options = {name: getattr(self, name) for name in names} | given | {"seed": seed}
        engine(**options)
        return options

    def make_map(
        self,
        features: Features,
        stage: str,
        options: dict[str, Any],
        *,
        seeds: int,
        queries: int | None,
        kept: Callable[[], Neighbours | None],
    ) -> Embedding:
        """`kept` looks up or makes the graph of neighbours, for the methods that take one."""
        from selfscope.views import embed

        if self.method != "tsne":
            return getattr(embed, self.method)(features, stage, queries=queries, **options)
        with progress_bar(f"t-SNE of {stage}", "iterations") as progress:
            return embed.tsne(
                features, stage, seeds=seeds, neighbours=kept(), queries=queries, progress=progress, **options
            )

    def _engine(self) -> tuple[Callable[..., Any], tuple[str, ...], dict[str, Any]]:
        """What checks the options, the names of those that are flags as they are, and the others."""
        if self.method == "tsne":
            from selfscope.embedding.tsne import TSNE

            return TSNE, (*COMMON, *FLAGS["tsne"][:-1]), {"device": self.map_device}
        from selfscope.embedding.libraries import UMAP, PaCMAP

        some = {} if self.n_neighbors is None else {"n_neighbors": self.n_neighbors}
        if self.method == "umap":
            return UMAP, COMMON, some | {"min_dist": self.min_dist}
        return PaCMAP, COMMON, some

    def _refuse_others(self, seeds: int) -> None:
        own = FLAGS[self.method]
        for flag in fields(MapFlags):
            others = [method for method, names in FLAGS.items() if flag.name in names]
            if others and flag.name not in own and getattr(self, flag.name) != flag.default:
                name = "--" + flag.name.replace("_", "-")
                raise UsageError(f"tsne: {name} is for --method {' or '.join(others)}, not {self.method}")
        if seeds != 1 and self.method != "tsne":
            raise UsageError(f"tsne: --seeds is for --method tsne, not {self.method}")


COMMON = ("metric", "n_components")
FLAGS = {
    "tsne": (
        "perplexity",
        "early_exaggeration",
        "learning_rate",
        "n_iter",
        "n_iter_without_progress",
        "init",
        "map_device",
    ),
    "umap": ("n_neighbors", "min_dist"),
    "pacmap": ("n_neighbors",),
    "pca": (),
}
