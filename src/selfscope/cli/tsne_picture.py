"""How `selfscope tsne` draws a map: what colours it, pictures beside points, and the files that it is saved as."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from selfscope.cli.console import progress_bar, say
from selfscope.cli.files import make_folder, save_picture
from selfscope.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from selfscope.records import Embedding
    from selfscope.structures import Features
    from selfscope.views.labels import Joined

log = logging.getLogger("selfscope.tsne")

DRAWN = 40
"""Pictures on a map at most; more are only stored."""


@dataclass(frozen=True)
class PictureFlags:
    """The flags that say what the picture shows."""

    color_by: str = "label"
    """label, cluster, density, norm, trust, continuity, recall, stability (with --seeds), or a column of --labels."""
    labels: str | None = None
    """FILE.csv or FILE.parquet, optionally :column, with a row an image, found by its path; or .npy labels in order."""
    seeds: int = 1
    """Make so many maps, with seeds counted up, and tell how much of the first the others repeat."""
    thumbnails: int | Literal["all"] | None = None
    """Show the images of so many exemplars beside their points, and store them; all: store every image's."""
    format: tuple[Literal["png", "svg", "pdf"], ...] = ("png",)
    """Files of the picture: png svg pdf."""
    legend: bool = False
    """Name every class, however many."""

    def check_picture(self, *, course: bool = False) -> None:
        """Refuses what can be refused before features are extracted; maps of a course have further columns."""
        from selfscope.draw.course import BEFORE
        from selfscope.views.colouring import check_colour

        if self.thumbnails is not None and self.thumbnails != "all" and self.thumbnails < 1:
            raise UsageError(f"thumbnails: expected at least 1, or all, got {self.thumbnails}")
        if self.seeds < 1:
            raise UsageError(f"seeds: expected at least 1, got {self.seeds}")
        if not self.format:
            raise UsageError("format: expected at least one of png, svg, pdf")
        known: dict[str, Any] = dict.fromkeys(BEFORE if course else ())
        if self.labels is not None:
            from selfscope.views.labels import columns_of

            known |= dict.fromkeys(columns_of(self.labels))
        check_colour(self.color_by, self.seeds, known)

    def check_features(self, features: Features) -> None:
        """Refuses what these features cannot give, before a map is made of them."""
        if self.thumbnails is not None and features.paths is None:
            raise UsageError("thumbnails: these features come without the paths of their images")

    def joined(self, features: Features) -> Joined | None:
        """The features with the labels of --labels, if these are given; says how many were found."""
        if self.labels is None:
            return None
        from selfscope.views.labels import join_labels

        joined = join_labels(features, self.labels)
        say(joined.said)
        log.info("%s", joined.said)
        return joined

    def completed(self, embedding: Embedding, joined: Joined | None) -> Embedding:
        """With the table's columns, clusters if asked for, and thumbnails."""
        import numpy as np

        from selfscope.store.sprites import SIDE
        from selfscope.views.colouring import exemplars, thumbnails, with_clusters

        if joined is not None:
            embedding = replace(embedding, columns={**embedding.columns, **joined.columns})
        if self.color_by == "cluster":
            embedding = with_clusters(embedding)
            say(embedding.settings["clusters"]["said"])
        if self.thumbnails is None:
            return embedding
        wanted, side = np.arange(len(embedding.coords)), SIDE  # all of them lie in memory until they are stored
        if self.thumbnails != "all":
            wanted, side = exemplars(embedding, self.thumbnails, self.color_by), 2 * SIDE
        with progress_bar("reading thumbnails") as progress:
            return replace(embedding, thumbnails=thumbnails(embedding, wanted, side=side, progress=progress))

    def draw(self, embedding: Embedding, folder: Path) -> np.ndarray:
        """Saves the picture in every format below `folder`, and returns it."""
        from selfscope.draw.scatter import map_file
        from selfscope.views.colouring import exemplars

        shown = dict(embedding.thumbnails)
        if len(shown) > DRAWN:
            chosen = exemplars(embedding, DRAWN, self.color_by)
            shown = {i: shown[i] for i in chosen.tolist() if i in shown}
        options: dict[str, Any] = {
            "color_by": self.color_by,
            "legend": True if self.legend else None,
            "thumbnails": shown,
        }
        picture = embedding.plot(**options)
        for suffix in dict.fromkeys(self.format):
            path = folder / f"{embedding.key}.{suffix}"
            if suffix == "png":
                save_picture(path, picture)
            else:
                make_folder(path.parent)
                path.write_bytes(map_file(embedding, f".{suffix}", **options))
            say(f"picture: {path}")
        return picture
