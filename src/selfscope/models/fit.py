"""Puts a checkpoint's weights into a model, judged by what is asked of it, with nothing left unsaid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from selfscope.errors import CheckpointError
from selfscope.models.checkpoint import Checkpoint
from selfscope.models.dialects import Found, read_part
from selfscope.models.encoding import STAGES, Encoder
from selfscope.models.position import is_square, resize_position

COUNTERS = "num_batches_tracked"
SHOWN = 4
USED_PARTS = {"backbone": "backbone", "neck": "backbone and neck", "pre_logits": "backbone, neck and head"}


@dataclass(frozen=True, eq=False)
class FitReport:
    """How a checkpoint fitted: everything in the file is either `loaded` or `set_aside`."""

    source: str
    method: str
    needed: str
    """The output that the fit was judged by: `backbone`, `neck`, `pre_logits` or `all`."""
    loaded: tuple[str, ...]
    """Names in the model that were filled."""
    missing: tuple[str, ...]
    """Names in the model that the file does not have, still as they started: random, or NaN after a blank start."""
    mismatched: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]
    """`(name, shape in the file, shape in the model)`, still as they started."""
    set_aside: tuple[str, ...]
    """Names in the file that the model has no use for."""
    notes: tuple[str, ...] = ()
    uses: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """By output, the names that it is computed from."""

    def missing_for(self, output: str) -> tuple[str, ...]:
        """Names that `output` is computed from and that were not filled."""
        used = self.uses.get(output, self.uses["all"])
        return tuple(name for name in self.unfilled if name in used)

    @property
    def unfilled(self) -> tuple[str, ...]:
        """Names in the model that were not filled, whether needed or not."""
        return (*self.missing, *(name for name, _, _ in self.mismatched))

    @property
    def set_aside_groups(self) -> dict[str, int]:
        """How many of the names set aside belong to what: `{"head": 2, "encoder_k": 320, …}`."""
        return dict(Counter(_group(name) for name in self.set_aside))

    def __str__(self) -> str:
        used = self.uses.get(self.needed, self.uses["all"])
        filled = sum(name in used for name in self.loaded)
        parts = USED_PARTS.get(self.needed, "the whole model")
        lines = [f"{self.method}: {filled} of {len(used)} weights loaded from {self.source} ({parts})"]
        if self.set_aside:
            groups = ", ".join(f"{name} ({count})" for name, count in self.set_aside_groups.items())
            lines.append(f"set aside {len(self.set_aside)}: {groups}")
        if self.unfilled:
            lines.append(f"not filled and not used here, {len(self.unfilled)}: {_listed(self.unfilled)}")
        return "\n".join([*lines, *self.notes])


def fit(model: Encoder, checkpoint: Checkpoint, needed: str = "backbone") -> FitReport:
    """Fills the model, if every parameter that `needed` is computed from is there in its shape.

    `needed` is a stage of `extract`, or `all`. Otherwise a `CheckpointError` says how many are missing or of another
    shape and names some, and the model is as it was. Position embeddings of another grid are interpolated, and said.
    """
    wanted = model.state_dict()
    found = _find(model, checkpoint.state, wanted)
    values, notes = _adapt(model, found, wanted)
    mismatched = tuple(
        (name, tuple(value.shape), tuple(wanted[name].shape))
        for name, value in values.items()
        if value.shape != wanted[name].shape or value.is_floating_point() != wanted[name].is_floating_point()
    )
    wrong = {name for name, _, _ in mismatched}
    missing = tuple(name for name in wanted if name not in values and not name.endswith(COUNTERS))
    taken = {found[name].name for name in values if name not in wrong}
    report = FitReport(
        source=checkpoint.source,
        method=model.method,
        needed=needed,
        loaded=tuple(name for name in values if name not in wrong and not name.endswith(COUNTERS)),
        missing=missing,
        mismatched=mismatched,
        set_aside=(*(name for name in checkpoint.state if name not in taken), *checkpoint.others),
        notes=(*notes, *_not_finite(values)),
        uses={output: model.needed_by(output) for output in (*STAGES, "all")},
    )
    if report.missing_for(needed):
        raise CheckpointError(_refusal(report, checkpoint))
    with torch.no_grad():
        for name, value in values.items():
            if name not in wrong:
                wanted[name].copy_(value)
    model.trained = True
    return report


def _find(model: Encoder, state: Mapping[str, Tensor], wanted: Iterable[str]) -> dict[str, Found]:
    """The checkpoint's entries by the model's names, part by part."""
    by_part: dict[str, list[str]] = {}
    for name in wanted:
        part, _, rest = name.partition(".")
        by_part.setdefault(part, []).append(rest)
    found: dict[str, Found] = {}
    for part, names in by_part.items():
        dialect = getattr(getattr(model, part, None), "dialect", "plain")
        found |= {f"{part}.{name}": entry for name, entry in read_part(state, part, dialect, names).items()}
    return found


def _adapt(
    model: Encoder, found: Mapping[str, Found], wanted: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], list[str]]:
    """Tensors as the model wants them; position embeddings are brought to its grid, with a note."""
    values = {name: entry.tensor for name, entry in found.items()}
    notes = []
    for name, value in values.items():
        if not name.endswith("pos_embed") or value.shape == wanted[name].shape or value.ndim != 3:
            continue
        grid = tuple(model.backbone.grid)  # type: ignore[arg-type]
        prefix = wanted[name].shape[1] - grid[0] * grid[1]
        if prefix == 0 and is_square(value.shape[1] - 1):
            value = value[:, 1:]
            notes.append(f"{name}: the class token's position was left out")
        resized = resize_position(value, grid, prefix=prefix)
        if resized is not None and resized.shape == wanted[name].shape:
            side = round((value.shape[1] - prefix) ** 0.5)
            values[name] = resized
            if (side, side) != grid:
                notes.append(f"{name} was interpolated from {side}×{side} to {grid[0]}×{grid[1]} patches")
    return values, notes


def _refusal(report: FitReport, checkpoint: Checkpoint) -> str:
    used = report.uses.get(report.needed, report.uses["all"])
    wrong = [entry for entry in report.mismatched if entry[0] in used]
    missing = [name for name in report.missing if name in used]
    said = []
    if missing:
        said.append(f"{len(missing)} of {len(used)} weights missing ({_listed(missing)})")
    if wrong:
        shapes = [f"{name} is {_shape(given)}, the model has {_shape(own)}" for name, given, own in wrong]
        said.append(f"{len(wrong)} of another shape ({_listed(shapes)})")
    held = _listed([f"{name} ({count})" for name, count in Counter(map(_group, checkpoint.state)).items()])
    part = "" if report.needed == "all" else f"'s {report.needed}"
    return (
        f"{report.source} does not fit {report.method}{part}: {'; '.join(said)}; the file holds {held}. "
        f"Give the config that it was trained with"
    )


def _not_finite(values: Mapping[str, Tensor]) -> list[str]:
    bad = [name for name, value in values.items() if value.is_floating_point() and not _finite(value)]
    return [f"{len(bad)} weights hold NaN or infinity: {_listed(bad)}"] if bad else []


def _finite(value: Tensor) -> bool:
    """A finite sum has finite terms, and takes a tenth of the time to find out."""
    return bool(value.sum().isfinite()) or bool(value.isfinite().all())


def _group(name: str) -> str:
    """What a name is shown as: its part of the model, more closely inside the backbone."""
    if name.endswith("relative_position_index"):
        return "relative_position_index"
    parts = name.split(".")
    return ".".join(parts[: 2 if parts[0] == "backbone" else 1])


def _shape(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) or "a number"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f", … {len(names) - SHOWN} more" if len(names) > SHOWN else "")
