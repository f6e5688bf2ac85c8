"""No input executes, imports, opens another file, or raises anything but ConfigError."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from selfscope.config.bases import shipped_configs

from .programs import HOSTILE, NOISE, PROGRAMS, mutated
from .test_against_python import read

FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
SETTINGS = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
HARMLESS = {"compile", "builtins.id", "object.__getattr__", "sys._getframe", "os.fspath"}
"""Events of parsing, and of raising errors."""
_events: list[tuple[str, tuple[Any, ...]]] | None = None


def _record(event: str, arguments: tuple[Any, ...]) -> None:
    if _events is not None and event not in HARMLESS:
        _events.append((event, arguments))


sys.addaudithook(_record)


@contextmanager
def watched() -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    """Everything that the interpreter reports meanwhile: files opened, modules imported, code and commands run."""
    global _events
    _events = seen = []
    try:
        yield seen
    finally:
        _events = None


def check(source: str, folder: Path) -> None:
    path = folder / "config.py"
    path.write_bytes(source.encode("utf-8", "surrogatepass"))
    (folder / "base.py").write_text("x = dict(type='X')\n", encoding="utf-8")
    allowed = (str(folder), str(shipped_configs()))
    with watched() as seen:
        _, message = read(path)
    assert "root:" not in message
    for event, arguments in seen:
        if event == "open" and arguments[0] == "":
            continue  # the parser looks for the line of a syntax error in a file without a name
        assert event in ("open", "os.listdir", "os.scandir", "pathlib.Path.rglob", "pathlib.Path.glob"), (
            f"{event} {arguments}\n{source}"
        )
        assert os.path.realpath(str(arguments[0])).startswith(allowed), f"{event} {arguments}\n{source}"
        assert event != "open" or "w" not in str(arguments[1]), f"{event} {arguments}\n{source}"


def assert_refused_as_options(message: str) -> None:
    assert message == "" or message.startswith("--cfg-options: ")


def test_the_watch_sees_what_it_must(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("", encoding="utf-8")
    with watched() as seen:
        (tmp_path / "x.py").read_text(encoding="utf-8")
        exec("1")
        os.listdir(tmp_path)
    assert {"open", "exec", "os.listdir"} <= {event for event, _ in seen}


@FEW
@given(source=NOISE)
@example(source="\ud800")
@example(source="'''" * 1000 + "\\")
@example(source="f'{" * 100)
@example(source="\\\n" * 1000)
def test_noise(source: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(source, tmp_path_factory.getbasetemp())


@pytest.mark.slow
@SETTINGS
@given(source=mutated())
def test_real_configs_with_damage(source: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(source, tmp_path_factory.getbasetemp())


@pytest.mark.slow
@SETTINGS
@given(source=PROGRAMS)
def test_ordinary_programs(source: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(source, tmp_path_factory.getbasetemp())


@pytest.mark.slow
@SETTINGS
@given(source=HOSTILE)
@example(source="_base_ = '/etc/passwd'")
@example(source="_base_ = 'mmcls::_base_/default_runtime.py'")
@example(source="custom_imports = dict(imports=['os', 'antigravity'])")
@example(source="_base_ = ['base.py', 'mmdet::x/y.py']")
def test_hostile_programs(source: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(source, tmp_path_factory.getbasetemp())


@FEW
@given(data=st.binary(max_size=100))
def test_bytes(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.py"
    path.write_bytes(data)
    assert "\n" not in read(path)[1]


@FEW
@given(options=st.lists(st.text(max_size=20) | st.text(alphabet="ab.01=[]()_,'\" -e", max_size=30), max_size=4))
def test_options(options: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "options.py"
    path.write_text("a = dict(b=[1, dict(c=2)])\nb = (1, 2)\n", encoding="utf-8")
    assert_refused_as_options(read(path, options)[1])


@FEW
@given(
    options=st.dictionaries(
        st.text(alphabet="ab.01_", max_size=8), st.integers() | st.dictionaries(st.text(max_size=3), st.integers())
    )
)
def test_mappings(options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "options.py"
    path.write_text("a = dict(b=[1, dict(c=2)])\nb = (1, 2)\n", encoding="utf-8")
    assert_refused_as_options(read(path, options)[1])
