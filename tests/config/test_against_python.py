"""Programs made at random: what Python executes is read to the same values, and what it cannot do is refused."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from selfscope.config.reader import load_config
from selfscope.errors import ConfigError

from .programs import EXPRESSIONS, PREAMBLE, PROGRAMS
from .test_source import alike

KINDS = (type(None), bool, int, float, str, list, tuple, set, dict, range)
SETTINGS = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
UNREAD = (
    "is not read",
    "takes numbers only",
    "takes a number",
    "elements",
    "cannot be a key",
    "below 2**60",
    "no attributes, items",
)
"""Sentences about what is refused on purpose although Python does it."""


def executed(source: str) -> dict[str, Any] | None:
    """The names that Python gives values, without modules; None when it raises, or makes what is no config value."""
    names: dict[str, Any] = {"copy": copy}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `0[a]` warns when it is compiled, and only fails if it is reached
            exec(source, names)
        del names["copy"]
        values = {name: value for name, value in names.items() if not name.startswith("__")}
        return values if holds_only_values(values) else None
    except Exception:  # noqa: BLE001 - whatever it raises, the reader must refuse it too
        return None


def holds_only_values(value: Any) -> bool:
    if isinstance(value, dict):
        return all(holds_only_values(part) for part in (*value.keys(), *value.values()))
    if isinstance(value, (list, tuple, set)):
        return all(holds_only_values(part) for part in value)
    return type(value) in KINDS


def read(path: Path, options: Any = None) -> tuple[dict[str, Any] | None, str]:
    """The values of a config, or None and the sentence that refuses it."""
    try:
        return load_config(path, options).to_dict(), ""
    except ConfigError as error:
        return None, str(error)


def check(source: str, folder: Path) -> None:
    path = folder / "program.py"
    path.write_text(source, encoding="utf-8")
    expected = executed(source)
    found, refusal = read(path)
    if found is None:
        assert expected is None or any(words in refusal for words in UNREAD), f"{refusal}\n{source}\n{expected}"
        return
    assert expected is not None, f"Python refuses this\n{source}\n{found}"
    assert alike(found, expected), f"{source}\nread {found}\nexecuted {expected}"


@pytest.mark.slow
@SETTINGS
@given(source=EXPRESSIONS)
def test_expressions(source: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(f"import copy\n{PREAMBLE}result = {source}\n", tmp_path_factory.getbasetemp())


@pytest.mark.slow
@SETTINGS
@given(source=PROGRAMS)
def test_programs(source: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(source, tmp_path_factory.getbasetemp())
