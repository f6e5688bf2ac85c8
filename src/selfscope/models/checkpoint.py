"""Weights from a file or a link, whatever wrote them, as one flat dict of tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from selfscope.errors import CheckpointError
from selfscope.models.download import Progress, download, is_link
from selfscope.models.pickles import unpickle

WEIGHTS_UNDER = ("state_dict", "model", "model_state", "model_state_dict", "module", "teacher", "student")
SNIFFED = 512


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The weights of a file, under the names they have there."""

    state: dict[str, Tensor]
    meta: dict[str, Any] = field(default_factory=dict)
    """What the file says about itself, plain values only."""
    source: str = ""
    """The path or link, as it was given."""
    others: tuple[str, ...] = ()
    """Names beside the weights: optimizer, message_hub, …, and entries of the state that are no tensors."""


def read_checkpoint(path_or_url: str | Path, *, progress: Progress | None = None) -> Checkpoint:
    """Reads `.pth`, `.pt`, `.ckpt`, `.bin` or `.safetensors`, told apart by content, not by name.

    Nothing that a file holds is executed. A link is fetched once into the cache, with `progress(bytes, total)`.
    """
    source = str(path_or_url)
    path = download(source, progress=progress) if is_link(source) else Path(path_or_url).expanduser()
    try:
        head = _head(path)
        if _is_safetensors(head):
            return _from_safetensors(path, source)
        _refuse_others(path, head)
        content = unpickle(path)
    except (PermissionError, InterruptedError) as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from error
    return _from_content(content, source)


def _head(path: Path) -> bytes:
    if path.is_dir():
        raise CheckpointError(f"{path}: is a folder; name the checkpoint file in it")
    if not path.exists():
        raise CheckpointError(f"{path}: no such checkpoint file")
    with path.open("rb") as file:
        head = file.read(SNIFFED)
    if not head:
        raise CheckpointError(f"{path}: is empty")
    return head


def _refuse_others(path: Path, head: bytes) -> None:
    start = head.lstrip()[:64].lower()
    if head.startswith(b"version https://git-lfs"):
        raise CheckpointError(f"{path}: is a git-LFS pointer, not the weights; fetch them with `git lfs pull`")
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise CheckpointError(f"{path}: is a web page, not weights; the download probably met a login or an error page")
    printable = sum(32 <= byte < 127 or byte in b"\t\n\r" for byte in head)
    if printable == len(head):
        raise CheckpointError(f"{path}: is a text file, not weights")
    if not head.startswith((b"PK\x03\x04", b"\x80")):
        raise CheckpointError(f"{path}: is no checkpoint; expected what torch.save or safetensors writes")


def _is_safetensors(head: bytes) -> bool:
    return len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 100_000_000


def _from_safetensors(path: Path, source: str) -> Checkpoint:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            names = file.keys()
            state = {name: file.get_tensor(name) for name in names}
            meta = dict(file.metadata() or {})
    except (SafetensorError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path}: damaged or cut short ({error})") from error
    if not state:
        raise CheckpointError(f"{path}: holds no tensors")
    return Checkpoint(state, meta, source)


def _from_content(content: Any, source: str) -> Checkpoint:
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{source}: expected a dict of weights, got {type(content).__name__}")
    meta = _plain(content.get("meta"))
    others: list[str] = []
    state = content
    for _ in range(3):
        inner = next((name for name in WEIGHTS_UNDER if isinstance(state.get(name), Mapping) and state[name]), None)
        if inner is None:
            break
        others += [str(name) for name in state if name not in (inner, "meta")]
        state = state[inner]
    tensors = {str(name): value for name, value in state.items() if isinstance(value, Tensor)}
    others += [str(name) for name in state if str(name) not in tensors and name != "meta"]
    if not tensors:
        held = ", ".join(sorted(set(others))[:6]) or "nothing"
        raise CheckpointError(f"{source}: holds no model weights, only {held}")
    return Checkpoint(tensors, meta if isinstance(meta, dict) else {}, source, tuple(dict.fromkeys(others)))


def _plain(value: Any) -> Any:
    """Numbers, words, lists and dicts as they are; a stand-in, a tensor or anything else by its type's name."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return f"<{type(value).__name__}>"
