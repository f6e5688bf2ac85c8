"""A data set as the model sees it: typed samples, with everything that was sampled to make them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from selfscope.data.loading import Skip, load_samples
from selfscope.draw.sample import MODES
from selfscope.errors import DataError, UsageError, nearest
from selfscope.records import Sample
from selfscope.views.derived import Derivation, with_derived
from selfscope.views.model_mask import ModelMask, completed
from selfscope.views.opening import Opened, opened
from selfscope.views.progress import Progress, silent

T = TypeVar("T")


def browse(
    source: Any,
    transform: Any = None,
    n: int | None = None,
    *,
    phase: str = "train",
    seed: int = 0,
    mode: str = "transformed",
    workers: int = 0,
    skip: Sequence[str] = (),
    options: Mapping[str, Any] | Sequence[str] | None = None,
    trust: bool = False,
    bands: Any = None,
    band_range: Sequence[float] | None = None,
    skipped: list[tuple[str, str]] | None = None,
    progress: Progress | None = None,
) -> Iterator[Sample]:
    """The first `n` samples (default: all) of a config's data set, a folder of images, or somebody else's data set.

    Without a config, `transform` is called with each image and gives one view or several: torchvision's, those of
    albumentations and lightly, or any callable. A data set is anything with len() and items by number, or a folder
    that Hugging Face `datasets` saved. `bands` (`"4,3,2"`) makes pictures of images with other than three channels,
    `band_range` says which values are black and white.

    Each sample depends on `seed` and its index alone: any number of `workers` (processes) makes the same. A model that
    draws its mask itself (MAE) gets one of its own kind drawn here, at its own ratio; what a model makes of its views
    (PixMIM's and MaskFeat's targets, MixMIM's mixture) is under `derived`. `mode` is how a sample shows
    itself: `transformed`, `original`, `concat` or `pipeline` (see `selfscope.draw.sample`); only for `pipeline` does it
    keep the picture after every step. An image that cannot be read is left out; give `skipped` to learn path and
    reason. `skip` names transforms to leave out.
    """
    _check(n, mode)
    choices: dict[str, Any] = {"skip": skip, "options": options, "trust": trust}
    given = opened(source, transform, phase=phase, seed=seed, bands=bands, band_range=band_range, **choices)
    return browse_opened(given, n, mode=mode, workers=workers, skipped=skipped, progress=progress)


def browse_opened(
    given: Opened,
    n: int | None = None,
    *,
    mode: str = "transformed",
    workers: int = 0,
    then: Callable[[Sample], T] | None = None,
    skipped: list[tuple[str, str]] | None = None,
    progress: Progress | None = None,
) -> Iterator[Any]:
    """As `browse`, of a data set that is open; `then` is applied to each sample in the process that made it.

    What `then` returns is yielded in the samples' place.
    """
    _check(n, mode)
    total = len(given.dataset) if n is None else min(n, len(given.dataset))
    dataset = given.dataset if total == len(given.dataset) else given.dataset.subset(range(total))
    dataset = dataset.with_pictures() if mode == "pipeline" else dataset
    finish = _Finish(given.model_mask, given.derivations, given.seed, mode, then)
    made = load_samples(dataset, workers=workers, then=finish)
    return _read(made, total, skipped, progress or silent)


def _check(n: int | None, mode: str) -> None:
    if n is not None and n < 1:
        raise UsageError(f"n: expected at least 1, got {n}")
    if mode not in MODES:
        raise UsageError(f"mode {mode!r}: expected {', '.join(MODES)}.{nearest(mode, MODES)}")


def _read(made: Iterator[Any], total: int, skipped: list[tuple[str, str]] | None, report: Progress) -> Iterator[Any]:
    """What could be read; the rest goes to `skipped`, or is raised when there is no such list or nothing else."""
    lost = 0
    report(0, total)
    for done, item in enumerate(made, 1):
        if not isinstance(item, Skip):
            yield item
        elif skipped is None:
            raise DataError(": ".join(item))
        else:
            skipped.append(item)
            lost += 1
        report(done, total)
    if skipped and lost == total:
        raise DataError(f"none of {total} images could be read; the first: {': '.join(skipped[-lost])}")


@dataclass(frozen=True)
class _Finish:
    """What is done to a sample by whichever process made it."""

    mask: ModelMask | None
    derivations: tuple[Derivation, ...]
    seed: int
    mode: str
    then: Callable[[Sample], Any] | None

    def __call__(self, sample: Sample) -> Any:
        sample = with_derived(completed(sample, self.mask, self.seed), self.derivations)
        if self.mode != MODES[0]:
            sample = replace(sample, settings={**sample.settings, "mode": self.mode})
        return sample if self.then is None else self.then(sample)
