"""Any backbone with what surrounds it, giving one vector per image for each stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from selfscope.errors import ModelError
from selfscope.models.normaliser import Normaliser
from selfscope.models.outputs import ExtractedFeatures, StageOutput, as_stage, resolve_indices

STAGES = ("backbone", "neck", "pre_logits")
UNUSED_BY_EXTRACTION = ("backbone.mask_token",)


class Encoder(nn.Module):
    """A backbone, and where the config has them and they are known here, its neck and head.

    `method` is the algorithm's name in the config. `trained` turns True when a checkpoint has been fitted. `notes`
    are sentences on what was left out or read differently, to be shown with every result.
    """

    def __init__(
        self,
        backbone: nn.Module,
        normaliser: Normaliser,
        *,
        method: str,
        neck: nn.Module | None = None,
        head: nn.Module | None = None,
        unbuilt: Mapping[str, str] | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.neck = neck
        self.head = head
        self.normaliser = normaliser
        self.method = method
        self.trained = False
        self.unbuilt = dict(unbuilt or {})
        """`neck` and `head` types of the config that are not known here; their weights are set aside."""
        self.notes = (*notes, *([normaliser.note] if normaliser.note else []))

    @property
    def image_size(self) -> int | tuple[int, int] | None:
        """Side of the square that the model looks at, `(H, W)` when it is none; None: any size will do."""
        size = getattr(self.backbone, "image_size", None)
        return size[0] if size is not None and size[0] == size[1] else size

    @property
    def out_indices(self) -> tuple[int, ...] | None:
        """Which of its stages the backbone gives out; None when it does not say."""
        indices: Any = getattr(self.backbone, "out_indices", None)
        return None if indices is None else tuple(sorted(indices))

    @torch.no_grad()
    def extract(
        self, pixels: Tensor, stage: str | Sequence[str] = "backbone", pool: str | None = None
    ) -> ExtractedFeatures:
        """One vector per image: `feat_<out_index>` `(B, D)` for the backbone, `feat_neck`, `feat_pre_logits`.

        A backbone's class token stands for the image where the config gives it out, else the mean over space; `pool`
        (`cls`, `mean`, `cls+mean`) chooses otherwise, for the backbone alone. Several outputs through one neck are
        `feat_neck_<out_index>`. Several stages take one pass. Runs in evaluation mode whatever mode the model is in.
        """
        stages = check_stages(stage)
        found: dict[str, Tensor] = {}
        notes: tuple[str, ...] = ()
        with evaluating(self):
            outputs = self.encode(pixels)
            indices = self.out_indices or tuple(range(len(outputs)))
            if "backbone" in stages:
                vectors = [output.pooled_as(pool) for output in outputs]
                found.update((f"feat_{i}", vector) for i, vector in zip(indices, vectors, strict=True))
            if stages != ("backbone",):
                necked, notes = self.through_neck([output.pooled for output in outputs])
            if "neck" in stages:
                names = ["feat_neck"] if len(necked) == 1 else [f"feat_neck_{i}" for i in indices]
                found.update(zip(names, necked, strict=True))
            if "pre_logits" in stages:
                found["feat_pre_logits"] = self.before_logits(necked[-1])
        return ExtractedFeatures(found.items(), notes)

    @contextmanager
    def giving(self, indices: Sequence[int]) -> Iterator[None]:
        """Inside, these stages of the backbone are its outputs, counted as in a config's `out_indices`."""
        backbone: Any = self.backbone
        before = self.out_indices
        if before is None:
            raise ModelError(f"out_indices: {type(backbone).__name__} does not let its outputs be chosen")
        chosen = resolve_indices(list(indices), stage_count(backbone))
        norms = getattr(backbone, "norms", None)  # a Swin's outputs have a norm each, made for those of the config
        if norms is not None and not {str(i) for i in chosen} <= set(norms):
            raise ModelError(
                f"out_indices: this backbone was built to give {before}: set model.backbone.out_indices in the config"
            )
        backbone.out_indices = chosen
        try:
            yield
        finally:
            backbone.out_indices = before

    def encode(self, pixels: Tensor) -> tuple[StageOutput, ...]:
        """The backbone's outputs, one for each of `out_indices`."""
        outputs = self.backbone(pixels)
        listed = outputs if isinstance(outputs, (list, tuple)) and not isinstance(outputs, StageOutput) else [outputs]
        return tuple(as_stage(output) for output in listed)

    def through_neck(self, vectors: list[Tensor]) -> tuple[list[Tensor], tuple[str, ...]]:
        """Pooled outputs through the neck, with a note when there is none."""
        if "neck" in self.unbuilt:
            raise ModelError(f"the neck {self.unbuilt['neck']} is not built here: choose the stage backbone")
        if self.neck is None:
            return vectors, (f"{self.method} has no neck here: these are the backbone's pooled features",)
        return [self.neck(vector) for vector in vectors], ()

    def before_logits(self, vector: Tensor) -> Tensor:
        """What the head's last layer sees."""
        if self.head is None:
            head = self.unbuilt.get("head", "no head")
            raise ModelError(f"pre_logits needs a classification head, {self.method} has {head}: choose another stage")
        return self.head.pre_logits(vector)  # type: ignore[operator]

    def needed_by(self, output: str) -> frozenset[str]:
        """Names of the parameters and buffers that `output` is computed from: a stage of `extract`, or `all`."""
        parts = {
            "backbone": ("backbone.",),
            "neck": ("backbone.", "neck."),
            "pre_logits": ("backbone.", "neck.", "head."),
        }
        names = [name for name in self.state_dict() if not name.endswith("num_batches_tracked")]
        if output not in parts:
            return frozenset(names)
        return frozenset(n for n in names if n.startswith(parts[output]) and n not in UNUSED_BY_EXTRACTION)


def stage_count(backbone: Any) -> int:
    """How many stages `out_indices` can name."""
    for name in ("blocks", "layers"):
        if isinstance(getattr(backbone, name, None), (nn.ModuleList, nn.Sequential)):
            return len(getattr(backbone, name))
    return 5 if getattr(backbone, "stem_counts", False) else 4


def check_stages(stage: str | Sequence[str]) -> tuple[str, ...]:
    """The stages that are asked for, in the order in which they follow each other."""
    named = (stage,) if isinstance(stage, str) else tuple(stage)
    unknown = [name for name in named if name not in STAGES]
    if unknown or not named:
        raise ModelError(f"stage: expected one of {', '.join(STAGES)}, got {unknown[0] if unknown else named!r}")
    return tuple(name for name in STAGES if name in named)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode inside, each submodule's own mode again afterwards."""
    training = [part for part in module.modules() if part.training]
    for part in training:
        part.training = False
    try:
        yield
    finally:
        for part in training:
            part.training = True
