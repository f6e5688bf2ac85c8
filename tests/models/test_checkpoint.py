"""Checkpoints of every kind are read; what is none, or would run code, is refused with one sentence."""

from __future__ import annotations

import argparse
import builtins
import contextlib
import io
import os
import pathlib
import pickle
import runpy
import sys
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from selfscope.errors import CheckpointError
from selfscope.models.checkpoint import read_checkpoint
from selfscope.models.pickles import Inert
from tests.models.golden import PARITY

WEIGHTS = {"backbone.conv1.weight": torch.arange(4.0).reshape(1, 4), "fc.bias": torch.tensor([1.0, 2.0])}


def same(state: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> bool:
    return state.keys() == wanted.keys() and all(torch.equal(state[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize(
    "content",
    [
        WEIGHTS,
        OrderedDict(WEIGHTS),
        {"state_dict": WEIGHTS, "meta": {"epoch": 3}, "optimizer": {"state": {}}},
        {"model": WEIGHTS, "optimizer": {}, "epoch": 5},
        {"model": {"state_dict": WEIGHTS}},
        {"teacher": WEIGHTS, "student": {"other": torch.zeros(1)}, "epoch": 5},
        {"state_dict": WEIGHTS, "args": argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("x").name)},
        {"state_dict": WEIGHTS, "loss": np.float64(0.5), "random": np.arange(3), "config": {"path": Path("a")}},
        {"state_dict": WEIGHTS, "counts": defaultdict(int, {"a": 1}), "lists": defaultdict(list)},
    ],
    ids=["bare", "ordered", "mm", "model", "nested", "teacher", "argparse", "numpy and paths", "defaultdict"],
)
@pytest.mark.parametrize("legacy", [False, True])
def test_layouts_that_trainers_write(tmp_path: Path, content: Any, legacy: bool) -> None:
    path = tmp_path / "some name.pth"
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    found = read_checkpoint(path)
    assert same(found.state, WEIGHTS)
    assert found.source == str(path)


def test_safetensors_whatever_the_name(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    save_file(WEIGHTS, path, metadata={"format": "pt"})
    found = read_checkpoint(path)
    assert same(found.state, WEIGHTS)
    assert found.meta == {"format": "pt"}


def test_a_checkpoint_of_the_ancestors_own_training_loads() -> None:
    """MMEngine pickles its HistoryBuffer, numpy arrays and a getattr beside the weights."""
    found = read_checkpoint(PARITY / "history.pth")
    assert torch.equal(found.state["backbone.ln1.weight"], torch.arange(4.0))
    assert found.meta["experiment_name"] == "tiny"
    assert found.meta["dataset_meta"]["classes"] == ["cat", "dog"]
    assert found.others == ("message_hub", "optimizer")


def test_stand_ins_hold_nothing_of_what_was_pickled() -> None:
    from selfscope.models.pickles import unpickle

    history = unpickle(PARITY / "history.pth")["message_hub"]["log_scalars"]["train/loss"]
    assert type(history) is Inert
    assert vars(history) == {}


def test_reading_leaves_torch_as_strict_as_it_was(tmp_path: Path) -> None:
    before = set(torch.serialization.get_safe_globals())
    read_checkpoint(PARITY / "history.pth")
    assert set(torch.serialization.get_safe_globals()) == before
    with pytest.raises(pickle.UnpicklingError):
        torch.load(PARITY / "history.pth", weights_only=True)


class Call:
    """Pickles as a call of `function` with `arguments`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.function, self.arguments


MARK = "selfscope-was-here"


def attacks(folder: Path) -> dict[str, tuple[Any, str]]:
    """What a hostile file could ask for, with the name that the refusal must hold."""
    command = f"touch {folder / MARK}"
    reach = Call(getattr, Call(getattr, Inert, "__init__"), "__globals__")
    return {
        "os.system": (Call(os.system, command), f"{os.system.__module__}.system"),
        "eval": (Call(builtins.eval, f"open({str(folder / MARK)!r}, 'w')"), "eval"),
        "exec": (Call(builtins.exec, "import os"), "exec"),
        "import": (Call(builtins.__import__, "os"), "__import__"),
        "open": (Call(io.open, str(folder / MARK), "w"), "io.open"),
        "getattr of a stand-in": (reach, "selfscope.models.pickles.Inert"),
        "runpy": (Call(runpy.run_path, str(folder / MARK)), "runpy.run_path"),
        "torch's own loader": (Call(torch.hub.load, "a/b", "c"), "torch.hub.load"),
        "sys": (Call(sys.exit, 3), "sys.exit"),
        "a class of one's own": (zipfile.ZipInfo("a"), "zipfile.ZipInfo"),
    }


@pytest.mark.parametrize("name", attacks(Path()))
@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_that_would_run_code_is_refused_by_name(tmp_path: Path, name: str, legacy: bool) -> None:
    hostile, wanted = attacks(tmp_path)[name]
    path = tmp_path / "model.pth"
    torch.save({"state_dict": WEIGHTS, "extra": hostile}, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(CheckpointError) as refused:
        read_checkpoint(path)
    assert str(path) in str(refused.value)
    assert wanted in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / MARK).exists()


def test_what_a_stand_in_for_getattr_gives_cannot_be_called(tmp_path: Path) -> None:
    """getattr(Namespace, "__init__")("touch …"), written out by hand, since no Python object pickles to it."""
    command = f"touch {tmp_path / MARK}".encode()
    steps = b"cbuiltins\ngetattr\n" + b"cargparse\nNamespace\n" + b"U\x08__init__" + b"\x86R"
    program = b"\x80\x02" + steps + b"X" + len(command).to_bytes(4, "little") + command + b"\x85R."
    with zipfile.ZipFile(tmp_path / "model.pth", "w") as archive:
        archive.writestr("model/data.pkl", program)
        archive.writestr("model/version", "3\n")
    with pytest.raises(CheckpointError, match="its pickle does more than hold weights"):
        read_checkpoint(tmp_path / "model.pth")
    assert not (tmp_path / MARK).exists()


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def whole(tmp_path: Path, *, legacy: bool = False) -> bytes:
    torch.save({"state_dict": {"w": torch.randn(200)}}, tmp_path / "whole", _use_new_zipfile_serialization=not legacy)
    return (tmp_path / "whole").read_bytes()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "git-LFS pointer"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
        (b"\n  <html lang='en'>", "is a web page"),
        (b'{"error": "not found"}\n', "is a text file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "is no checkpoint; expected what torch.save"),
        (bytes(range(256)) * 4, "is no checkpoint; expected what torch.save"),
        (b"PK\x03\x04" + bytes(300), "damaged or cut short"),
        ((12).to_bytes(8, "little") + b'{"a":1}     ', "damaged or cut short"),
        ((2).to_bytes(8, "little") + b"{}", "holds no tensors"),
    ],
    ids=["empty", "lfs", "page", "page2", "text", "png", "noise", "zip", "safetensors", "no tensors"],
)
def test_what_is_no_checkpoint_is_refused_in_a_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = written(tmp_path / "ünï cödé.pth", content)
    with pytest.raises(CheckpointError, match=sentence) as refused:
        read_checkpoint(path)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.95])
def test_a_file_cut_short_is_refused(tmp_path: Path, share: float, legacy: bool) -> None:
    content = whole(tmp_path, legacy=legacy)
    path = written(tmp_path / "cut.pth", content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match="cut short"):
        read_checkpoint(path)


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    save_file(WEIGHTS, folder / "safe")
    history = (PARITY / "history.pth").read_bytes()
    safe = (folder / "safe").read_bytes()
    return {"zip": whole(folder), "legacy": whole(folder, legacy=True), "history": history, "safetensors": safe}


@pytest.mark.parametrize("kind", ["zip", "legacy", "history", "safetensors"])
@given(data=st.data())
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_anywhere_is_refused_or_harmless(
    tmp_path: Path, contents: dict[str, bytes], kind: str, data: st.DataObject
) -> None:
    content = bytearray(contents[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    path = written(tmp_path / "damaged.pth", bytes(content))
    with contextlib.suppress(CheckpointError):  # a damaged byte inside a tensor goes unnoticed
        read_checkpoint(path)


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_newer_pickle_protocols_are_read_or_refused_without_noise(tmp_path: Path, protocol: int) -> None:
    torch.save(WEIGHTS, tmp_path / "m.pth", pickle_protocol=protocol)
    if protocol == 3:
        assert same(read_checkpoint(tmp_path / "m.pth").state, WEIGHTS)
    else:
        with pytest.raises(CheckpointError, match=r"save it with torch\.save and its usual pickle_protocol=2"):
            read_checkpoint(tmp_path / "m.pth")


def test_a_pickled_module_and_a_torchscript_archive(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pth")
    with pytest.raises(CheckpointError, match=r"asks for torch\.nn\.modules\.linear\.Linear"):
        read_checkpoint(tmp_path / "module.pth")
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/a.py", "version"):
            archive.writestr(f"script/{name}", b"\x80\x02}." if name.endswith("pkl") else b"3\n")
    with pytest.raises(CheckpointError, match="is a TorchScript archive, which holds code: load it with"):
        read_checkpoint(tmp_path / "script.pt")


def test_other_things_that_are_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is a folder"):
        read_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match="no such checkpoint file"):
        read_checkpoint(tmp_path / "missing.pth")
    with pytest.raises(CheckpointError, match="expected a path or an http"):
        read_checkpoint("s3://bucket/model.pth")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(CheckpointError, match=r"damaged or cut short, or not written by torch\.save"):
        read_checkpoint(tmp_path / "other.zip")


@pytest.mark.parametrize(
    ("content", "held"),
    [
        ({"optimizer": {"state": {}, "param_groups": []}, "epoch": 3}, "epoch, optimizer"),
        ({"meta": {}, "state_dict": {}}, "state_dict"),
        ({}, "nothing"),
    ],
)
def test_a_file_without_weights_says_what_it_holds(tmp_path: Path, content: Any, held: str) -> None:
    torch.save(content, tmp_path / "optimizer.pth")
    with pytest.raises(CheckpointError, match=f"holds no model weights, only {held}"):
        read_checkpoint(tmp_path / "optimizer.pth")


def test_a_tensor_alone_is_no_checkpoint(tmp_path: Path) -> None:
    torch.save(torch.zeros(3), tmp_path / "t.pth")
    with pytest.raises(CheckpointError, match="expected a dict of weights, got Tensor"):
        read_checkpoint(tmp_path / "t.pth")


def test_entries_that_are_no_tensors_are_named(tmp_path: Path) -> None:
    torch.save({"state_dict": {**WEIGHTS, "steps": 3}, "epoch": 1}, tmp_path / "m.pth")
    assert read_checkpoint(tmp_path / "m.pth").others == ("epoch", "steps")


def test_no_permission(tmp_path: Path) -> None:
    path = written(tmp_path / "secret.pth", b"x")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_checkpoint(path)
