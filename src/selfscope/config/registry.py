"""Names in configs become objects here: a table of strings, a decorator, an entry point or a dotted path.

The table (`config/names.py`) maps short names to `"module:object"`, so nothing is imported before it is built.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from selfscope.config.names import TABLE
from selfscope.config.values import UNKNOWN, ConfigDict, Origin
from selfscope.errors import ConfigError, SelfscopeError, nearest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")
TRUSTED_PREFIXES = ("torch.optim.", "torchvision.transforms.")
OWN_PREFIXES = {
    "model": "selfscope.models.",
    "dataset": "selfscope.data.",
    "transform": "selfscope.data.",
    "hook": "selfscope.training.",
    "visualizer": "selfscope.visualization.",
    "visbackend": "selfscope.visualization.",
}
"""Where our own classes of a kind lie: any other of ours, a writer of files say, is nothing to build from a config."""
SCOPES = ("mmselfsup", "mmcls", "mmpretrain", "mmengine", "mmcv", "torchvision", "selfscope")
FEW = 12
"""So many names fit in one sentence."""
NOT_ARGUMENTS = ("type", "_scope_", "_delete_")


class Registry:
    """One kind of buildable thing (`model`, `dataset`, `transform`, …): look a name up, build it from a dict.

    `register` is a decorator; `register_module` is the same under the name that OpenMMLab code uses.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._registered: dict[str, Any] = {}

    def register(self, target: T | None = None, *, name: str | Iterable[str] | None = None, force: bool = False) -> Any:
        """Makes a class or function known under its own name, or under `name`; a name taken twice is refused."""
        if target is None:
            return lambda actual: self.register(actual, name=name, force=force)
        names = [getattr(target, "__name__", "")] if name is None else [name] if isinstance(name, str) else list(name)
        for short in names:
            if short in self._registered and self._registered[short] is not target and not force:
                raise ConfigError(f"{self.kind} {short!r} is registered already: pass force=True to replace it")
            self._registered[short] = target
        return target

    def register_module(
        self, name: str | Iterable[str] | None = None, force: bool = False, module: Any = None
    ) -> Callable[[T], T] | Any:
        """OpenMMLab's spelling of `register`."""
        if name is not None and not isinstance(name, (str, list, tuple)):
            raise ConfigError(f"register_module: expected a name, got {type(name).__name__}; call it with parentheses")
        return self.register(module, name=name, force=force)

    def names(self) -> list[str]:
        """Every name that `get` answers, without importing anything."""
        return sorted({*self._registered, *TABLE.get(self.kind, {}), *_entry_points(self.kind)})

    def __contains__(self, name: str) -> bool:
        return _without_scope(name) in self.names()

    def get(self, name: Any, *, trust: bool = False, where: Origin = UNKNOWN) -> Any:
        """The class or function of a name; `where` is `(file, line)` for the message when there is none.

        A scope (`mmcls.ImageNet`) is dropped, and `torchvision/Name` is a class of `torchvision.transforms`. A dotted
        path is imported only with `trust`, since importing runs its code, but for the classes of torch.optim, of
        torchvision.transforms, and of the part of selfscope that holds this kind.
        """
        if not isinstance(name, str):
            return name
        short = _without_scope(name)
        if short in self._registered:
            return self._registered[short]
        if short in TABLE.get(self.kind, {}):
            return _import_object(TABLE[self.kind][short])
        points = _entry_points(self.kind)
        if short in points:
            return points[short].load()
        if "." in short:
            return self._dotted(short, trust, where)
        file, line = where
        raise ConfigError(f"unknown {self.kind} {name!r}.{self._hint(short)}", file=file, line=line)

    def build(self, config: Mapping[str, Any], *, trust: bool = False, **defaults: Any) -> Any:
        """Calls what `config["type"]` names with the other entries; `defaults` fill what is not given.

        The config is not modified. A missing type, an unknown one and a misspelt argument name file and line, and so
        does whatever the class itself refuses with a TypeError or ValueError.
        """
        file, line = _origin(config)
        if not isinstance(config, Mapping) or "type" not in config:
            given = f"{config!r:.80}"
            raise ConfigError(f"expected dict(type=…) that names a {self.kind}, got {given}", file=file, line=line)
        if config.get("trust") and not trust:  # several of our classes take it, and build what they are given with it
            file, line = _origin(config, "trust")
            raise ConfigError("a config cannot trust itself: pass --trust-config instead", file=file, line=line)
        target = self.get(config["type"], trust=trust, where=_origin(config, "type"))
        arguments = {**defaults, **{k: v for k, v in config.items() if k not in NOT_ARGUMENTS}}
        name = config["type"] if isinstance(config["type"], str) else getattr(target, "__name__", repr(target))
        _check_arguments(target, arguments, name, config)
        try:
            return target(**arguments)
        except SelfscopeError:
            raise
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{name} cannot be built: {error}", file=file, line=line) from error

    def _hint(self, name: str) -> str:
        """What else the name may mean: the same one of another kind, or a near one of this; else all, if few."""
        other = next((kind for kind, known in TABLE.items() if kind != self.kind and name in known), None)
        if other:
            return f" It is a {other}."
        known = f" Known are {', '.join(self.names())}." if 0 < len(self.names()) <= FEW else ""
        return nearest(name, self.names()) or known

    def _dotted(self, path: str, trust: bool, where: Origin) -> Any:
        file, line = where
        prefixes = tuple(filter(None, (OWN_PREFIXES.get(self.kind), *TRUSTED_PREFIXES)))
        known = path.startswith(prefixes) and not any(part.startswith("_") for part in path.split("."))
        if not (trust or known):
            raise ConfigError(
                f"type {path!r} would import code that this config names: pass --trust-config (trust=True) to allow it",
                file=file,
                line=line,
            )
        module, _, attribute = path.rpartition(".")
        try:
            found = _import_object(f"{module}:{attribute}")
        except (ImportError, AttributeError, ValueError) as error:
            raise ConfigError(f"cannot import {self.kind} {path!r}: {error}", file=file, line=line) from error
        # A module also holds what it imported itself, `os` for one, so that only its own classes can be let through.
        if not trust and not (inspect.isclass(found) and f"{found.__module__}.".startswith(prefixes)):
            raise ConfigError(
                f"type {path!r} is not a class of {' or '.join(prefix[:-1] for prefix in prefixes)}: "
                "pass --trust-config (trust=True) to allow it",
                file=file,
                line=line,
            )
        return found


MODELS = Registry("model")
DATASETS = Registry("dataset")
TRANSFORMS = Registry("transform")
HOOKS = Registry("hook")
VISUALIZERS = Registry("visualizer")
VISBACKENDS = Registry("visbackend")


def _without_scope(name: str) -> str:
    package, slash, rest = name.partition("/")
    if slash and package == "torchvision":
        return f"torchvision.transforms.{rest}"
    scope, dot, rest = name.partition(".")
    return rest if dot and scope in SCOPES and "." not in rest else name


def _import_object(path: str) -> Any:
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


@cache
def _entry_points(kind: str) -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=f"selfscope.{kind}")}


def _origin(config: Any, key: str | None = None) -> Origin:
    if not isinstance(config, ConfigDict):
        return UNKNOWN
    return config.origin if key is None else config.origin_of(key)


def _check_arguments(target: Any, arguments: Mapping[str, Any], name: str, config: Mapping[str, Any]) -> None:
    try:
        parameters = inspect.signature(target).parameters
    except (TypeError, ValueError):
        return  # written in C without a signature: the call itself will tell
    by_name = [key for key, p in parameters.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    unknown = [] if takes_all else [key for key in arguments if key not in by_name]
    if unknown:
        file, line = _origin(config, unknown[0])
        hint = nearest(unknown[0], by_name) or f" It takes {', '.join(by_name) or 'none'}."
        raise ConfigError(f"{name} takes no argument {unknown[0]!r}.{hint}", file=file, line=line)
    empty = inspect.Parameter.empty
    missing = [key for key in by_name if parameters[key].default is empty and key not in arguments]
    if missing:
        file, line = _origin(config)
        raise ConfigError(f"{name} needs the argument {missing[0]!r}", file=file, line=line)
