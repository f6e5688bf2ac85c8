"""One batch through a model: normalised, on its device, in the precision that suits it, to features in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from selfscope.errors import ModelError, UsageError, nearest
from selfscope.models.encoder import as_vector
from selfscope.models.encoding import STAGES, check_stages, evaluating
from selfscope.models.folding import changed, quickened
from selfscope.models.outputs import POOLS, ExtractedFeatures
from selfscope.store.shards import FeatureFolder
from selfscope.views.load import LoadedModel

LAYER = "layer:"
DTYPES = ("float32", "float16")


@dataclass(frozen=True)
class Extraction:
    """What is taken of each image, and how: the options of `selfscope.extract`."""

    stage: str | Sequence[str] = "backbone"
    """`backbone`, `neck`, `pre_logits`, `layer:<name of a submodule>`, or several of these, for which one pass does."""
    out_indices: Sequence[int] | None = None
    """Stages of the backbone; None: those of the config."""
    pool: str | None = None
    """`cls`, `mean` or `cls+mean` of the backbone's outputs; None: as the config has it."""
    transform: Callable[[Any], Tensor] | None = None
    """From a Pillow image to what the module takes, `(C, H, W)`; no other normalisation is then applied."""
    batch_size: int | None = None
    """None: 8 images a thread on the CPU, as many as memory holds on a GPU."""
    workers: int | None = None
    """Processes that read images. None: on the CPU the threads that compute read too, elsewhere one a core."""
    dtype: str = "float32"
    """That features are kept in: `float32` or `float16`."""
    full_precision: bool = False
    """float32 on CUDA as well, where mixed precision is else taken."""
    folder: str | Path | FeatureFolder | None = None
    """Features are streamed to this folder and carried on where they broke off; None: they stay in memory."""
    distributed: bool = False
    """Whether the processes that torchrun started share the work; they need a folder that all of them see."""

    def __post_init__(self) -> None:
        named = self.named
        for name in named:
            if name not in STAGES and not name.startswith(LAYER):
                hint = nearest(name, STAGES)
                raise UsageError(f"stage: expected one of {', '.join(STAGES)} or layer:<name>, got {name!r}.{hint}")
        if not named:
            raise UsageError("stage: expected at least one")
        if self.pool is not None and self.pool not in POOLS:
            raise UsageError(f"pool: expected one of {', '.join(POOLS)}, got {self.pool!r}")
        if self.dtype not in DTYPES:
            raise UsageError(f"dtype: expected one of {', '.join(DTYPES)}, got {self.dtype!r}")
        if self.batch_size is not None and self.batch_size < 1:
            raise UsageError(f"batch_size: expected at least 1, got {self.batch_size}")
        if self.workers is not None and self.workers < 0:
            raise UsageError(f"workers: expected at least 0, got {self.workers}")
        if self.distributed and self.folder is None:
            raise UsageError("distributed: give a folder that all processes see")

    @property
    def named(self) -> tuple[str, ...]:
        return (self.stage,) if isinstance(self.stage, str) else tuple(self.stage)

    @property
    def stages(self) -> tuple[str, ...]:
        named = tuple(name for name in self.named if name in STAGES)
        return check_stages(named) if named else ()

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(name.removeprefix(LAYER) for name in self.named if name.startswith(LAYER))

    def described(self) -> dict[str, Any]:
        """What of it changes features, as plain values."""
        chosen = None if self.out_indices is None else list(self.out_indices)
        stage = self.stage if isinstance(self.stage, str) else list(self.stage)
        kept = {"vis_stage": stage, "out_indices": chosen, "pool": self.pool, "dtype": self.dtype}
        return {name: value for name, value in kept.items() if value is not None}


class Forward:
    """Features of uint8 images `(B, 3, H, W)`: `forward(images)` gives `(B, D)` arrays and what is to be noted.

    May be called from several threads at once.
    """

    def __init__(self, model: LoadedModel, how: Extraction) -> None:
        self.model, self.how = model, how
        self.module: nn.Module = model.module
        self.quick: dict[str, Any] = {}
        """What was done to be quicker, and how little features differ for it."""
        self.mixed = model.device.type == "cuda" and not how.full_precision
        self._seen = threading.local()

    def quicken(self, images: Tensor, known: dict[str, Any] | None = None) -> None:
        """Folds and lays out memory, checked on these images, or as `known` says from an earlier check."""
        if known is None:
            self.module, self.quick = quickened(self.module, lambda module: self._raw(module, images))
        elif "difference" in known:
            quick = changed(self.module, lambda module: self._raw(module, images), known)
            self.module, self.quick = self.module if quick is None else quick, dict(known)

    @contextmanager
    def ready(self) -> Iterator[Forward]:
        """Inside, the module is in evaluation mode and gives the outputs that are asked for."""
        with ExitStack() as stack:
            stack.enter_context(evaluating(self.module))
            if self.how.out_indices is not None:
                stack.enter_context(self.module.giving(self.how.out_indices))  # type: ignore[operator]
            for name in self.how.layers:
                stack.callback(self._watch(name).remove)
            yield self

    def __call__(self, images: Tensor) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
        outputs = self.launch(images)
        return self.collect(outputs), outputs.notes

    def launch(self, images: Tensor) -> ExtractedFeatures:
        """Features on the device; on a GPU they may still be on their way. Too little memory halves the batch."""
        try:
            return self._raw(self.module, images)
        except torch.OutOfMemoryError as error:
            if len(images) == 1:
                raise ModelError(
                    f"{self.model.device}: has no memory for a single image: use another device"
                ) from error
        if self.model.device.type == "cuda":
            torch.cuda.empty_cache()
        halves = [self.launch(part) for part in images.chunk(2)]
        joined = ((name, torch.cat([half[name] for half in halves])) for name in halves[0])
        return ExtractedFeatures(joined, halves[0].notes)

    def collect(self, outputs: ExtractedFeatures) -> dict[str, np.ndarray]:
        arrays = {name: values.float().cpu().numpy() for name, values in outputs.items()}
        if self.how.dtype == "float32":
            return arrays
        return {name: _halved(values, name) for name, values in arrays.items()}

    def _raw(self, module: Any, images: Tensor) -> ExtractedFeatures:
        device = self.model.device
        layout = torch.channels_last if self.quick.get("channels_last") else torch.contiguous_format
        with torch.inference_mode(), torch.autocast("cuda", torch.float16) if self.mixed else nullcontext():
            if device.type == "cuda":
                images = images.pin_memory()
            images = images.to(device, non_blocking=True)
            pixels = (images if self.how.transform else module.normaliser(images)).contiguous(memory_format=layout)
            options = {} if self.how.pool is None else {"pool": self.how.pool}
            stages = self.how.stages or ("backbone",)
            outputs = module.extract(pixels, stages[0] if len(stages) == 1 else stages, **options)
        found = dict(outputs) if self.how.stages else {}
        notes = list(outputs.notes) if self.how.stages else []
        for name in self.how.layers:
            found[f"feat_{name}"], note = as_vector(self._of_layer(name), name, len(images))
            notes += [note] if note else []
        return ExtractedFeatures(found.items(), notes)

    def _watch(self, name: str) -> Any:
        for start in (self.module, *(getattr(self.module, part, None) for part in ("module", "backbone"))):
            if isinstance(start, nn.Module) and name in dict(start.named_modules()):
                return start.get_submodule(name).register_forward_hook(
                    lambda part, given, output: setattr(self._seen, name, output)
                )
        inside = [n for n, _ in (getattr(self.module, "module", None) or self.module).named_modules() if n]
        raise ModelError(f"layer:{name}: the model has no such part.{nearest(name, inside)}")

    def _of_layer(self, name: str) -> Tensor:
        output = getattr(self._seen, name, None)
        if isinstance(output, (tuple, list)) and output:
            output = output[0]
        if not isinstance(output, Tensor):
            raise ModelError(f"layer:{name}: gave no tensor when an image went through")
        return output


def _halved(values: np.ndarray, name: str) -> np.ndarray:
    """float16 of what it can hold; not-a-number stays."""
    most, limit = np.abs(values[np.isfinite(values)]).max(initial=0.0), np.finfo(np.float16).max
    if most > limit:
        raise ModelError(f"{name}: features reach {most:.3g}, beyond float16's {limit:.0f}: keep float32")
    return values.astype(np.float16)
