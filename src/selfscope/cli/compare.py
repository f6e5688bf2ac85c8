"""`selfscope compare`: what the feature spaces of two or more encoders share on the same images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from selfscope.cli.console import say
from selfscope.cli.files import new_run_folder, open_visualizer, save_picture
from selfscope.errors import UsageError


@dataclass(frozen=True)
class Compare:
    """Compares features that `selfscope tsne` left in its runs, or .npy files, of the same images.

    Says how alike the spaces are (CKA, shared neighbours) and what each is like by itself, shows which images moved
    most, and keeps all of it in a run.
    """

    features: Positional[tuple[str, ...]]
    """Two or more runs or (N, D) .npy files; or one run that mapped several checkpoints, each of which is a space."""
    names: tuple[str, ...] = ()
    """What to call them; the checkpoints' names by default, twins with the folder that differs."""
    stage: str | None = None
    """Which features of each run: feat_3, feat_neck, …; the first by default."""
    k: int = 10
    """Nearest neighbours that are compared."""
    metric: Literal["cosine", "euclidean"] = "cosine"
    work_dir: str | None = None
    """Parent of the new folder compare_<timestamp>; work_dirs/compare by default."""

    def __call__(self) -> None:
        from selfscope.views.compare import compare
        from selfscope.views.kept import kept_spaces
        from selfscope.views.told_apart import source_of, told_apart

        read = [(path, space) for path in self.features for space in kept_spaces(path)]
        if len(read) < 2:
            raise UsageError(f"compare: expected two or more runs or .npy files, got {len(read)}")
        given = [space for _, space in read]
        names = self.names or told_apart(
            [source_of(space) for space in given], [str(Path(path).absolute()) for path, _ in read]
        )
        found = compare(*given, names=names, stage=self.stage, k=self.k, metric=self.metric)
        folder = new_run_folder(Path(self.work_dir or "work_dirs/compare"), "compare_")
        with open_visualizer(None, folder) as visualizer:
            for record in found.records():
                visualizer.write(record)
            save_picture(folder / "saved_pictures" / "likeness.png", found.plot())
            if found.paths is not None and all(Path(path).is_file() for path in found.paths):
                moved = found.plot_moved()
                save_picture(folder / "saved_pictures" / "moved.png", moved)
                visualizer.add_image("compare/moved", moved)
        say(found.text())
        for picture in sorted((folder / "saved_pictures").iterdir()):
            say(f"picture: {picture}")
        say(f"run: {folder}")
