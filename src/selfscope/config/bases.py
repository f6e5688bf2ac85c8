"""Where a base of a config is: a file beside it, or the edition of another package's base that selfscope ships."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path, PurePosixPath

from selfscope.config.limits import Refusal
from selfscope.errors import ConfigError, nearest

SCOPES = {"mmcls": "_base_/mmcls", "mmpretrain": "_base_/mmpretrain", "mmselfsup": ""}
"""The folder below the shipped configs that answers `<scope>::_base_/…`, or for MMSelfSup `<scope>::…`."""


@cache
def shipped_configs() -> Path:
    """The folder of the configs that come with selfscope: the checkout's, or the installed package's."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_configs"
    return installed if installed.is_dir() else package.parents[1] / "configs"


def find_config(path: str | os.PathLike[str]) -> Path:
    """The config file of a path: as given, or below the shipped configs, where `configs/` and `.py` may be left out."""
    root = shipped_configs()
    try:
        given = Path(path).expanduser()
        below = given.relative_to("configs") if given.parts[:1] == ("configs",) else given
        for candidate in (given, given.with_name(given.name + ".py") if given.name else given):
            if candidate.is_file():
                return candidate
        if not given.is_absolute():
            for candidate in (root / below, (root / below).with_name(below.name + ".py") if below.name else root):
                if candidate.is_file() and candidate.resolve().is_relative_to(root):
                    return candidate
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(f"cannot be read: {error}", file=str(path)) from error
    if given.is_dir():
        raise ConfigError("this is a folder: name a config file", file=str(path))
    names = {file.name: str(file.relative_to(root)) for file in root.rglob("*.py")}
    hint = nearest(given.name, names)
    raise ConfigError(f"no such config, also not among those that selfscope ships.{hint}", file=str(path))


def find_base(name: str, beside: Path) -> tuple[Path, str | None]:
    """The file of a base that `beside` names, and the scope it comes from, if it is another package's."""
    if "::" not in name:
        suffix = PurePosixPath(name.replace("\\", "/")).suffix
        if suffix in (".json", ".yaml", ".yml"):
            raise Refusal(f"a base is a Python config, not {suffix}: write its values as assignments in a .py file")
        if suffix != ".py":
            raise Refusal("a base is the path of a .py file")
        return Path(os.path.normpath(beside.parent / name)), None
    scope, _, rest = name.partition("::")
    if scope not in SCOPES:
        answered = ", ".join(f"{known}::" for known in SCOPES)
        raise Refusal(
            f"the base {name[:120]!r} is another package's: only {answered} are answered here; "
            "copy that file beside this one, and name its path"
        )
    root = shipped_configs()
    parts = PurePosixPath(rest if rest.endswith(".py") else f"{rest}.py").parts
    if SCOPES[scope] and parts[:1] == ("_base_",):
        parts = parts[1:]
    file = root.joinpath(SCOPES[scope], *parts)
    if ".." in parts or PurePosixPath(rest).is_absolute() or not file.is_file():
        known = [prefixed(scope, path) for path in (root / SCOPES[scope]).rglob("*.py")]
        raise Refusal(f"selfscope does not ship the base {name[:120]!r}.{nearest(name, known)}")
    return file, scope


def prefixed(scope: str, file: Path) -> str:
    """The `<scope>::…` name of a shipped base."""
    below = file.relative_to(shipped_configs() / SCOPES[scope]).as_posix()
    return f"{scope}::_base_/{below}" if SCOPES[scope] else f"{scope}::{below}"
