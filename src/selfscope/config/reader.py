"""Reads OpenMMLab-style Python configs without executing them.

    config = load_config("configs/selfsup/mae/….py", ["train_dataloader.batch_size=8"])
    config.model.backbone.arch

A file is parsed and evaluated by `expressions.py` and `statements.py`, within the limits of `limits.py`; its bases are
merged by `merging.py`. Nothing is imported, and no file is opened but the config and the bases that it names.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from selfscope.config.bases import find_base, find_config
from selfscope.config.expressions import Expressions, Imported
from selfscope.config.limits import MAX_DEPTH, Budget, Refusal, kind
from selfscope.config.merging import merged, scoped, settled, with_options
from selfscope.config.options import SOURCE, nested, parse_options
from selfscope.config.statements import Statements, base_node
from selfscope.config.syntax import parse, read_source
from selfscope.config.values import Config, ConfigDict
from selfscope.errors import ConfigError

__all__ = ["Config", "ConfigDict", "find_config", "load_config", "parse_options"]


def load_config(
    path: str | os.PathLike[str],
    options: Mapping[str, Any] | Sequence[str] | None = None,
    *,
    trust: bool = False,
) -> Config:
    """The values of a config file with its bases, and `options` (`--cfg-options`) over them.

    Whatever cannot be read is a ConfigError. `custom_imports` is a value like any other; with `trust` its modules are
    imported, which runs their code.
    """
    found = find_config(path)
    try:
        values: ConfigDict = _Loader().load(found, _shown(found))
        if options:
            given = options if isinstance(options, Mapping) else parse_options(options)
            values = with_options(values, nested(given))
    except Refusal as error:
        raise ConfigError(str(error), file=SOURCE) from error
    config = Config.at(values.origin, values.entries())
    object.__setattr__(config, "_file", str(found))
    import_custom(config, trust=trust)
    return config


def import_custom(config: Mapping[str, Any], *, trust: bool = False) -> None:
    """Imports the modules of `custom_imports` if they are trusted; otherwise says in one sentence that it did not."""
    custom = config.get("custom_imports")
    if not custom:
        return
    names = custom.get("imports", []) if isinstance(custom, Mapping) else custom
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise ConfigError(
            "custom_imports takes dict(imports=[…]) with names of modules", file=getattr(config, "file", None)
        )
    if not trust:
        logging.getLogger(__name__).warning(
            "custom_imports would run code, so %s not imported: pass --trust-config", ", ".join(names)
        )
        return
    needed = not (isinstance(custom, Mapping) and custom.get("allow_failed_imports"))
    for name in names:
        _import_module(name, needed, getattr(config, "file", None))


def _import_module(name: str, needed: bool, file: str | None) -> None:
    try:
        importlib.import_module(name)
    except ImportError as error:
        if needed:
            missing = getattr(error, "name", None) == name.partition(".")[0]
            hint = ": Python looks on its path only, and PYTHONPATH=. puts this folder there" if missing else ""
            raise ConfigError(f"cannot import {name!r} of custom_imports: {error}{hint}", file=file) from error
        logging.getLogger(__name__).warning("custom_imports: %s cannot be imported: %s", name, error)


class _Loader:
    """Reads one config with all its bases on one budget."""

    def __init__(self) -> None:
        self.budget = Budget()
        self.chain: list[str] = []

    def load(self, path: Path, file: str) -> ConfigDict:
        """The merged values of a file; `file` is its name in messages."""
        identity = os.path.realpath(path)
        if identity in self.chain:
            raise ConfigError("this config is a base of itself", file=file)
        if len(self.chain) >= MAX_DEPTH // 4:
            raise ConfigError("there are too many bases of bases", file=file)
        self.chain.append(identity)
        try:
            self.budget.file()
            tree = parse(read_source(path, file, self.budget), file)
            bases = self._bases(tree, path, file)
            expressions = Expressions(path, file, bases, self.budget)
            Statements(expressions).run(tree.body)
            names = expressions.scopes[0]
            own = ConfigDict.at((file, 1))
            for name, value in names.items():
                if not name.startswith("__") and not isinstance(value, Imported):
                    where = expressions.lines.get(name, (file, None))
                    own.put(name, settled(value, self.budget, where), where)
            return self._without_notes(merged(own, bases), file)
        except Refusal as error:
            named, line = error.origin
            raise ConfigError(str(error), file=named or file, line=line) from error
        except RecursionError as error:
            raise ConfigError("values or bases are nested too deeply", file=file) from error
        finally:
            self.chain.pop()

    def _bases(self, tree: Any, path: Path, file: str) -> ConfigDict:
        """The values of all bases together; a name in two of them is refused."""
        together = ConfigDict.at((file, None))
        node = base_node(tree)
        if node is None:
            return together
        named = Expressions(path, file, ConfigDict(), self.budget).value(node)
        for name in named if isinstance(named, (list, tuple)) else [named]:
            try:
                if not isinstance(name, str):
                    raise Refusal(f"`_base_` takes paths of configs, not {kind(name)}")
                base, scope = find_base(name, path)
                if not base.is_file():
                    raise Refusal(f"the base {name[:120]!r} does not exist")
            except (Refusal, OSError, ValueError) as error:
                raise ConfigError(str(error), file=file, line=node.lineno) from error
            values = self.load(base, _shown(base))
            twice = sorted(str(key) for key in together.keys() & values.keys())
            if twice:
                raise ConfigError(
                    f"several bases give {', '.join(twice)}: each name may come from one base",
                    file=file,
                    line=node.lineno,
                )
            for key, value, where in values.entries():
                together.put(key, scoped(value, scope) if scope else value, where)
        return together

    def _without_notes(self, values: ConfigDict, file: str) -> ConfigDict:
        note = values.pop("_deprecation_", None)
        if note is not None:
            better = f": use {note['expected']}" if isinstance(note, dict) and "expected" in note else ""
            logging.getLogger(__name__).warning("%s is deprecated%s", file, better)
        return values


def _shown(path: Path) -> str:
    """The path as messages show it: relative where that is shorter."""
    relative = os.path.relpath(path)
    return str(path.absolute()) if relative.startswith("..") else relative
