"""`selfscope reconstruct`: what a masked-image model fills in."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tyro.conf import Positional

from selfscope.cli.console import counted, fetching, progress_bar, say, say_skipped
from selfscope.cli.files import check_picture_path, make_folder, new_run_folder, open_visualizer, save_picture
from selfscope.errors import DataError, UsageError

if TYPE_CHECKING:
    from selfscope.records import Reconstruction
    from selfscope.views.load import LoadedModel


@dataclass(frozen=True)
class Reconstruct:
    """Shows original, masked, reconstruction and reconstruction + visible, side by side.

    Says on the picture when the weights are untrained, and when the original's own statistics were used.
    """

    config: Positional[str]
    """Config of a masked-image model: MAE, SimMIM, MaskFeat."""
    img_path: str | None = None
    """A photo, a folder of photos, or a glob in quotes."""
    out_file: str | None = None
    """Picture to write; a folder when there are several photos."""
    checkpoint: str | None = None
    """Weights: a path or a link. Without it the model is untrained, and the picture says so."""
    norm_pix: bool = False
    """Give each patch the original's mean and spread (--pixel-stats patch), as heads trained with norm_pix need."""
    pixel_stats: Literal["patch", "visible", "none"] | None = None
    """Where a norm_pix head takes patch statistics from."""
    use_vis_pipeline: bool = False
    """Prepare and mask the photo by the config's vis_pipeline."""
    target_generator: bool = False
    """Show the model's target (MaskFeat's HOG) in place of the photo."""
    mask_file: str | None = None
    """Mask on the model's grid or one that divides it, 1 = removed: .npy, .npz or text."""
    mask_ratio: float | None = None
    """Share of patches to remove; the model's own by default."""
    sweep: tuple[float, ...] = ()
    """Several mask ratios, a row of panels each."""
    save_arrays: str | None = None
    """Also write input, mask, features, pred and panels to this .npz."""
    work_dir: str | None = None
    """Also record everything in a new run below this folder."""
    seed: int = 0
    """The same seed draws the same mask."""
    device: str | None = None
    """cpu, cuda:0, mps; the best present by default."""
    cfg_options: tuple[str, ...] = ()
    """Overrides of the config: a.b=c "k=[1,2]"."""
    trust_config: bool = False
    """Let the config import the code that it names."""

    def __call__(self) -> None:
        photos = self._photos()
        self._check(photos)
        options = self._options()
        model = self._model()
        for line in model.messages():
            say(line)
        skipped: list[tuple[str, str]] = []
        with ExitStack() as stack:
            progress = stack.enter_context(progress_bar("reconstructing")) if len(photos) > 1 else lambda *_: None
            keep = self._keeper(model, stack)
            for index, (key, photo) in enumerate(keyed(photos).items()):
                try:
                    records = list(self._records(model, photo, key, options))
                except DataError as error:
                    if index + 1 == len(photos) == len(skipped) + 1:
                        raise
                    skipped.append((str(photo), str(error)))
                    continue
                self._write(key, records, alone=len(photos) == 1)
                for record in records:
                    keep(record)
                progress(index + 1, len(photos))
        say_skipped(skipped)
        if self.out_file and len(photos) > 1:
            say(f"{counted(len(photos) - len(skipped), 'picture')} in {self.out_file}")

    def _model(self) -> LoadedModel:
        from selfscope.views.load import load

        with fetching(self.checkpoint) as progress:
            return load(
                self.config,
                self.checkpoint,
                options=self.cfg_options,
                device=self.device,
                needed="all",
                seed=self.seed,
                trust=self.trust_config,
                progress=progress,
            )

    def _keeper(self, model: LoadedModel, stack: ExitStack) -> Callable[[Reconstruction], None]:
        """Records into a new run when --work-dir asks for one."""
        if self.work_dir is None:
            return lambda record: None
        run = new_run_folder(Path(self.work_dir), "reconstruct_")
        visualizer = stack.enter_context(open_visualizer(model.config, run, self.trust_config, seed=self.seed))
        stack.callback(say, f"run: {run}")
        return visualizer.write

    def _photos(self) -> list[Path]:
        if self.img_path is None:
            raise UsageError("reconstruct: give --img-path: a photo, a folder of photos, or a glob")
        from selfscope.data.listing import scan

        path = Path(self.img_path)
        if path.is_dir():
            found = [path / name for name in scan(str(path))]
        elif path.exists():
            found = [path]
        else:
            found = sorted(Path(name) for name in glob.glob(self.img_path, recursive=True) if Path(name).is_file())
        if not found:
            kind = "holds no image" if path.is_dir() else "no such file, folder or glob match"
            raise DataError(f"{self.img_path}: {kind}")
        return found

    def _check(self, photos: list[Path]) -> None:
        if self.norm_pix and self.pixel_stats not in (None, "patch"):
            raise UsageError(
                f"--norm-pix means --pixel-stats patch, which --pixel-stats {self.pixel_stats} contradicts"
            )
        if self.mask_file and (self.mask_ratio is not None or self.sweep):
            raise UsageError("--mask-file says which patches are removed: leave --mask-ratio and --sweep out")
        if self.mask_ratio is not None and self.sweep:
            raise UsageError("--sweep lists the mask ratios: leave --mask-ratio out")
        if not self.out_file and not self.work_dir and not self.save_arrays:
            raise UsageError("reconstruct: give --out-file, --work-dir or --save-arrays, or nothing would be kept")
        if len(photos) > 1 and self.save_arrays:
            raise UsageError(f"--save-arrays keeps one photo's arrays; --img-path names {len(photos)}: use --work-dir")
        if self.save_arrays and Path(self.save_arrays).suffix != ".npz":
            raise UsageError(f"--save-arrays {self.save_arrays}: expected a file ending in .npz")
        if self.out_file and len(photos) == 1 and not Path(self.out_file).is_dir():
            check_picture_path(Path(self.out_file))
        if self.out_file and len(photos) > 1:
            if Path(self.out_file).suffix:
                raise UsageError(f"--out-file {self.out_file}: {len(photos)} photos need a folder, not a file name")
            make_folder(Path(self.out_file))

    def _options(self) -> dict[str, Any]:
        """What is the same for every photo; a mask is read once, before any of them."""
        from selfscope.views.given_mask import read_mask

        return {
            "seed": self.seed,
            "pixel_stats": "patch" if self.norm_pix else self.pixel_stats or "none",
            "use_vis_pipeline": self.use_vis_pipeline,
            "target": self.target_generator,
            "mask": read_mask(self.mask_file) if self.mask_file else None,
        }

    def _records(self, model: LoadedModel, photo: Path, key: str, options: dict[str, Any]) -> Iterator[Reconstruction]:
        from selfscope.views.reconstruct import reconstruct

        for ratio in self.sweep or (self.mask_ratio,):
            name = key if not self.sweep else f"{key}-{ratio:g}"
            yield reconstruct(model, photo, mask_ratio=ratio, key=name, **options)

    def _write(self, key: str, records: list[Reconstruction], *, alone: bool) -> None:
        import numpy as np

        from selfscope.draw.compose import stack

        if self.out_file:
            path = Path(self.out_file)
            if not alone or path.is_dir():
                path = path / f"{key}.png"
            save_picture(path, stack([record.plot() for record in records]))
            if alone:
                say(f"{records[0].method} reconstruction of {key}: {path}")
        if self.save_arrays:
            target = Path(self.save_arrays)
            make_folder(target.parent)
            arrays: dict[str, Any] = {**records[0].arrays, **records[0].pictures}
            np.savez(target, **arrays)
            say(f"arrays: {target}")


def keyed(photos: list[Path]) -> dict[str, Path]:
    """A name of its own for each photo: its path below the folder that all share, without suffix if that is unique."""
    root = Path(os.path.commonpath([photo.parent for photo in photos]))
    names = [photo.relative_to(root) for photo in photos]
    count = Counter(name.with_suffix("") for name in names)
    return {
        (name.with_suffix("") if count[name.with_suffix("")] == 1 else name).as_posix(): photo
        for name, photo in zip(names, photos, strict=True)
    }
