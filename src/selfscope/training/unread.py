"""What a config says that training does not follow: refused where it changes what is learned, otherwise said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from selfscope.config.top_level import TRAINED_BY, check_names, place
from selfscope.errors import ConfigError

LOSSES: Mapping[str, tuple[str, Mapping[str, tuple[Any, ...]]]] = {
    "MAEPretrainHead": ("MAEReconstructionLoss", {}),
    "SimMIMHead": ("SimMIMReconstructionLoss", {"encoder_in_channels": (3,)}),
    "MaskFeatPretrainHead": ("PixelReconstructionLoss", {"criterion": ("L1", "L2"), "channel": (None,)}),
    "LatentPredictHead": ("CosineSimilarityLoss", {"shift_factor": (), "scale_factor": ()}),
}
"""The loss that each head has here, and the values of its arguments; any, where none is named."""
NORMS = ("BN", "BN1d", "SyncBN")
COLLATING = ("default_collate", "pseudo_collate")
STARTS: Mapping[tuple[str, str], Any] = {
    ("MAE", "model.init_cfg"): [
        {"type": "Xavier", "layer": "Linear", "distribution": "uniform"},
        {"type": "Constant", "layer": "LayerNorm", "val": 1.0, "bias": 0.0},
    ],
    ("MaskFeat", "model.neck.init_cfg"): {"type": "TruncNormal", "layer": "Linear", "std": 0.02, "bias": 0},
}
"""By method, how weights begin here in any case."""
Found = tuple[str, Any, Any]
"""`(path, value, the dict that holds it)`."""


def unread(config: Mapping[str, Any]) -> list[str]:
    """Sentences on what has no effect; a setting that would change what is learned is a ConfigError with its line."""
    check_names(config, TRAINED_BY)
    model, loader = (_mapping(config.get(name)) for name in ("model", "train_dataloader"))
    found = list(_entries(model, "model"))
    for path, value, holder in found:
        _check_entry(path, value, holder)
    method = _named(model)
    asked = {path: value for path, value, _ in found if path.endswith(".init_cfg") and value}
    started = [path for path, value in asked.items() if STARTS.get((method, path)) != value]
    said = [f"{', '.join(started)}: not read, weights begin as the method's own code has them"] if started else []
    if any(path.endswith(".with_cp") and value for path, value, _ in found):
        said.append("with_cp=True: nothing is computed twice here; the numbers are the same, the memory is not saved")
    collate = _named(loader.get("collate_fn"))
    if collate not in ("", *COLLATING):
        said.append(f"train_dataloader.collate_fn={collate!r}: not read, images of a batch are stacked")
    if config.get("log_level", "INFO") != "INFO":
        said.append(f"log_level={config['log_level']!r}: not read, what is logged is the same at every level")
    return said


def _entries(part: Any, path: str) -> Iterator[Found]:
    """Everything that a model's config says, but for what is inside an `init_cfg`."""
    if isinstance(part, Mapping):
        for key, value in part.items():
            yield f"{path}.{key}", value, part
            if key != "init_cfg":
                yield from _entries(value, f"{path}.{key}")
    elif isinstance(part, (list, tuple)):
        for number, value in enumerate(part):
            yield from _entries(value, f"{path}[{number}]")


def _check_entry(path: str, value: Any, holder: Any) -> None:
    key, kind = path.rpartition(".")[2], _named(holder)
    if value and (key == "pretrained" or (key == "init_cfg" and _is_pretrained(value))):
        raise _refusal(holder, key, f"{path} would begin with weights: name them by load_from=PATH, and take this out")
    if value and key == "norm_eval":
        raise _refusal(holder, key, f"{path}=True would hold batch norms still, which is not done here: take it out")
    if key == "loss" and kind in LOSSES:
        _check_loss(path, value, holder, kind)
    if value and key == "norm_cfg" and kind == "NonLinearNeck" and _named(value) not in NORMS:
        raise _refusal(holder, key, f"{path}: expected type {', '.join(NORMS)}, got {_named(value)!r}")


def _check_loss(path: str, loss: Any, holder: Any, head: str) -> None:
    if loss is None:
        return
    kind, arguments = LOSSES[head]
    given = _named(loss) if isinstance(loss, Mapping) else repr(loss)
    if given != kind:
        raise _refusal(holder, "loss", f"{path}: {head} learns by {kind} here, got {given}")
    for name, value in loss.items():
        if name in ("type", "_scope_"):
            continue
        if name not in arguments:
            known = ", ".join(arguments) or "no argument"
            raise _refusal(loss, name, f"{path}: {kind} takes {known} here, got {name}={value!r:.60}")
        if arguments[name] and value not in arguments[name]:
            allowed = " or ".join(map(repr, arguments[name]))
            raise _refusal(loss, name, f"{path}.{name}: expected {allowed}, got {value!r:.60}")


def _is_pretrained(init_cfg: Any) -> bool:
    several = init_cfg if isinstance(init_cfg, (list, tuple)) else [init_cfg]
    return any(isinstance(one, Mapping) and _named(one) == "Pretrained" for one in several)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _named(part: Any) -> str:
    """The type that a dict names, or a name by itself, without a scope; empty where there is none."""
    kind = part.get("type") if isinstance(part, Mapping) else part
    return str(kind or "").rpartition(".")[2]


def _refusal(holder: Any, key: str, message: str) -> ConfigError:
    file, line = place(holder, key)
    return ConfigError(message, file=file, line=line)
