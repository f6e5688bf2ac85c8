"""`module:object` from the command line: somebody's own data set or transform, imported because they named it."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from selfscope.errors import UsageError, nearest


def named_object(name: str, flag: str) -> Any:
    """The object that `module:object` or `path/file.py:object` names; dots after the colon go into it.

    Modules are found from the current folder too. This runs the module's code. A class, or a function that needs no
    argument, is called once: it makes the object. The folder stays the first on Python's path, as that of a script
    does: worker processes import the module from there again.
    """
    place, _, path = name.rpartition(":")
    if not place or not path:
        raise UsageError(f"{flag} {name!r}: expected module:object or file.py:object, as in augmentations:two_crops")
    try:
        value: Any = _module(place)
    except Exception as error:  # whatever the user's own module raises
        raise UsageError(f"{flag}: importing {place} raised {type(error).__name__}: {_line(error)}") from error
    for part in path.split("."):
        if not hasattr(value, part):
            known = [known for known in dir(value) if not known.startswith("_")]
            raise UsageError(f"{flag}: {place} has no {path!r}.{nearest(part, known)}")
        value = getattr(value, part)
    if not _makes_it(value):
        return value
    try:
        return value()
    except Exception as error:  # as above
        raise UsageError(f"{flag}: calling {name} raised {type(error).__name__}: {_line(error)}") from error


def looks_named(text: str) -> bool:
    """Whether a text is `module:object` rather than a path."""
    return ":" in text and not Path(text).expanduser().exists()


def _module(place: str) -> ModuleType:
    if not place.endswith(".py"):
        _first_on_path(Path.cwd())
        return importlib.import_module(place)
    path = Path(place).expanduser().resolve()
    if not path.is_file():
        raise FileNotFoundError(f"no such file {place}")
    if _is_others(path.stem):
        raise ImportError(f"others need a module named {path.stem!r}: give the file another name")
    _first_on_path(path.parent)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # so that its objects can go to worker processes
    spec.loader.exec_module(module)
    return module


def _is_others(name: str) -> bool:
    """Whether a module of this name belongs to Python or to an installed package that is loaded."""
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    return name in sys.stdlib_module_names or "site-packages" in Path(file).parts


def _makes_it(value: Any) -> bool:
    if isinstance(value, type):
        return True
    if not inspect.isfunction(value):
        return False
    parameters = inspect.signature(value).parameters.values()
    return not any(p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)


def _first_on_path(folder: Path) -> None:
    if sys.path[0] != str(folder):
        sys.path.insert(0, str(folder))


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
