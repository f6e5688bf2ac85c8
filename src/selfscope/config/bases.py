"""Where a base of a config is: a file beside it, or the edition of another package's base that selfscope ships."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

from selfscope.config.limits import Refusal
from selfscope.errors import ConfigError, distance, nearest

SCOPES = {"mmcls": "_base_/mmcls", "mmpretrain": "_base_/mmpretrain", "mmselfsup": ""}
"""The folder below the shipped configs that answers `<scope>::_base_/…`, or for MMSelfSup `<scope>::…`."""

SLIPS = 6
"""One letter in so many may be wrong in the name of a config for it to be called near."""


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
        found = next((file for file in _candidates(given, root) if file.is_file()), None)
        folder = given.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(f"cannot be read: {error}", file=str(path)[:200]) from error
    if found is not None and found.suffix != ".py":
        raise ConfigError("a config is a Python file: write its values as assignments in a .py file", file=str(path))
    if found is None and folder:
        raise ConfigError("this is a folder: name a config file", file=str(path))
    if found is None:
        near = _near(given, root)
        hint = f"Did you mean {near!r}?" if near else "`selfscope config` alone lists those that it ships."
        raise ConfigError(f"there is no such config here, and selfscope ships none. {hint}", file=str(path)[:200])
    return found


def _candidates(given: Path, root: Path) -> Iterator[Path]:
    below = given.relative_to("configs") if given.parts[:1] == ("configs",) else given
    for path in (given, root / below):
        if path == given or (not given.is_absolute() and ".." not in below.parts):
            yield path
            if path.name:
                yield path.with_name(path.name + ".py")


def shipped_names() -> list[str]:
    """`configs/…` of every config that is shipped to be used, bases left out."""
    root = shipped_configs()
    below = (path.relative_to(root) for path in root.rglob("*.py"))
    return sorted(f"configs/{path.as_posix()}" for path in below if "_base_" not in path.parts)


def _near(given: Path, root: Path) -> str | None:
    """A config beside the path, or one that is shipped, whose file's name differs from the path's by a slip or two."""
    beside = [given.with_name(path.name) for path in given.parent.glob("*.py")] if given.parent.is_dir() else []
    known = [*map(str, beside), *(shipped_names() if root.is_dir() else ())]
    stem = given.name.removesuffix(".py")
    most = max(1, len(stem) // SLIPS)
    able = [name for name in known if abs(len(Path(name).stem) - len(stem)) <= most]
    steps, near = min(((distance(stem, Path(name).stem), name) for name in able), default=(most + 1, ""))
    return near if steps <= most else None


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
