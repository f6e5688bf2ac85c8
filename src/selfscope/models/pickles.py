"""Reads pickled checkpoints without running what they hold.

`torch.load(weights_only=True)` rebuilds tensors and plain containers only. Training leaves other things beside the
weights (MMEngine's loss history, numpy scalars, argparse options); for the names listed here it gets a stand-in that
holds nothing and does nothing (or a plain dict for a kind of dict), never the real object. Any other name is refused.
"""

from __future__ import annotations

import pickle
import re
import struct
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch

from selfscope.errors import CheckpointError


class Inert:
    """Stands for an object that is not rebuilt: takes any arguments and any state, keeps and computes nothing."""

    def __init__(self, *args: Any, **options: Any) -> None: ...

    def __setstate__(self, state: Any) -> None: ...

    def __repr__(self) -> str:
        return "<not loaded>"


def inert(*args: Any) -> Inert:
    """Stands for a function: in a pickle, `getattr(HistoryBuffer, "mean")` and the like come to this."""
    return Inert()


def empty(*args: Any) -> OrderedDict[Any, Any]:
    """Stands for what makes a dict that starts with something; what is put into it afterwards stays there."""
    return OrderedDict()


OBJECTS = (
    "mmengine.logging.history_buffer.HistoryBuffer",
    "argparse.Namespace",
    *(f"builtins.{kind}" for kind in ("list", "dict", "int", "float")),
    "numpy.ndarray",
    "numpy.dtype",
    *(
        f"numpy.dtypes.{kind}DType"
        for kind in ("Bool", "Int32", "Int64", "UInt8", "UInt32", "UInt64", "Float16", "Float32", "Float64", "Str")
    ),
    "pathlib.Path",
    "pathlib.PosixPath",
    "pathlib.WindowsPath",
    "pathlib._local.PosixPath",
    "pathlib._local.WindowsPath",
    "datetime.datetime",
    *(f"omegaconf.{name}" for name in ("dictconfig.DictConfig", "listconfig.ListConfig", "nodes.AnyNode")),
    *(f"omegaconf.base.{name}" for name in ("ContainerMetadata", "Metadata")),
    "typing.Any",
)
DICTS = (
    "mmengine.config.config.ConfigDict",
    "mmcv.utils.config.ConfigDict",
    "addict.addict.Dict",
    "lightning_fabric.utilities.data.AttributeDict",
    "pytorch_lightning.utilities.parsing.AttributeDict",
)
FUNCTIONS = (
    "builtins.getattr",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy._core.numeric._frombuffer",
    "numpy.core.numeric._frombuffer",
    "numpy.random._pickle.__randomstate_ctor",
    "numpy.random._pickle.__generator_ctor",
)
DAMAGES = (
    *(EOFError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, OSError, AssertionError),
    *(ArithmeticError, MemoryError, ImportError, struct.error),
)
"""What torch's reader may raise on a file that is not what it begins like."""
WANTED = re.compile(r"GLOBAL '?([\w.]+)")


def unpickle(path: Path) -> Any:
    """The content of a file that `torch.save` wrote, tensors on the CPU; a `CheckpointError` for anything else."""
    stand_ins: list[Any] = [
        *((Inert, name) for name in OBJECTS),
        *((OrderedDict, name) for name in DICTS),
        *((inert, name) for name in FUNCTIONS),
        (empty, "collections.defaultdict"),
    ]
    try:
        with torch.serialization.safe_globals(stand_ins), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol|.*TorchScript archive", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True, mmap=_is_zip(path) or None)
    except pickle.UnpicklingError as error:
        raise CheckpointError(_refusal(path, str(error))) from error
    except DAMAGES as error:
        if "TorchScript archive" in str(error):
            advice = "load it with torch.jit.load and save its state_dict()"
            raise CheckpointError(f"{path}: is a TorchScript archive, which holds code: {advice}") from error
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise CheckpointError(f"{path}: damaged or cut short, or not written by torch.save ({reason})") from error


def _refusal(path: Path, reason: str) -> str:
    wanted = WANTED.search(reason)
    if wanted and _ends_with(path, wanted[1].rpartition(".")[2]):
        return f"{path}: damaged or cut short (it ends in the middle of a name)"
    if wanted:
        return (
            f"{path}: refused, because its pickle asks for {wanted[1]}, which could run code when loaded; "
            f"if you trust its maker, load it there and save only the state_dict"
        )
    if "Unsupported operand" in reason:
        return (
            f"{path}: refused, because its pickle uses instructions that cannot be read safely; "
            f"save it with torch.save and its usual pickle_protocol=2"
        )
    first = reason.rpartition("WeightsUnpickler error:")[2].strip().partition("\n")[0]
    if "truncated" in reason:
        return f"{path}: damaged or cut short ({first})"
    return f"{path}: refused, because its pickle does more than hold weights ({first})"


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _ends_with(path: Path, word: str) -> bool:
    """Whether a name is what the file ends with, but for the one byte that reading a line takes off."""
    with path.open("rb") as file:
        file.seek(-min(len(word) + 1, path.stat().st_size), 2)
        return word.encode() in file.read()
