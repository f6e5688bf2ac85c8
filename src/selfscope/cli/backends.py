"""Which backends of a config a command uses: all but those that the config itself would send elsewhere.

A tracker goes to the account or folder that the user is logged in to, as its own program does. A config that came from
somewhere must not choose another: see `docs/safety.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from selfscope.cli.console import say, say_error
from selfscope.config.options import SOURCE
from selfscope.config.registry import VISBACKENDS
from selfscope.config.top_level import unused_backends
from selfscope.config.values import ConfigDict
from selfscope.visualization.ranks import environment_rank

ALWAYS = ("type", "name", "_scope_")
"""Entries of a backend that are no arguments of it."""
ALLOWED = f"--trust-config allows it, and so does typing it in {SOURCE}"


def usable_backends(named: Any, folder: Path | None, *, trust: bool = False) -> list[Any]:
    """The entries of `vis_backends` that are used, without a `save_dir` outside `folder`; what is not is said.

    With `trust` all are, as they stand. What was typed in `--cfg-options` is the user's own word.
    """
    entries = list(named or ()) if not isinstance(named, Mapping) else [named]
    return entries if trust else [kept for entry in entries if (kept := _usable(entry, folder)) is not None]


def say_unused(config: Mapping[str, Any], used: Iterable[Any]) -> None:
    """One line where the config gives `vis_backends` that change nothing, with what would."""
    where = unused_backends(config)
    if where is None or environment_rank():
        return
    better = "visualizer.vis_backends=…" if where[0] == SOURCE else "visualizer = dict(vis_backends=vis_backends)"
    begin = ":".join(str(part) for part in where if part is not None)
    say_error(
        f"{begin}: vis_backends alone changes nothing, for the visualizer has its own ({_named(used)}): "
        f"write {better}{'' if where[0] == SOURCE else ' below it'}"
    )


def say_destinations(backends: Iterable[Any]) -> None:
    """One line on where records go beside the run, for the trackers among entries of `vis_backends`."""
    told = [words for entry in backends if isinstance(entry, Mapping) and (words := _destination(entry))]
    if told and not environment_rank():
        say(f"records also go to {'; '.join(told)}")


def _named(backends: Iterable[Any]) -> str:
    kinds = [entry.get("type", "?") if isinstance(entry, Mapping) else type(entry) for entry in backends]
    return ", ".join(getattr(kind, "__name__", str(kind)) for kind in kinds)


def _destination(entry: Mapping[str, Any]) -> str:
    target = VISBACKENDS.get(entry["type"], trust=True)
    name, where = getattr(target, "__name__", str(target)), getattr(target, "destination", "")
    said = list(_unvouched(ConfigDict(entry), getattr(target, "plain_arguments", frozenset()), typed=True))
    if said and where:
        where = f"where {' and '.join(said)} says"
    return f"{where} ({name})" if where else ""


def _usable(entry: Any, folder: Path | None) -> Any:
    if not isinstance(entry, Mapping) or "type" not in entry:
        return entry  # refused with a sentence where backends are built
    backend = entry.copy() if isinstance(entry, ConfigDict) else ConfigDict(entry)
    kind, typed = backend["type"], _was_typed(backend.origin_of("type"))
    if _is_foreign(kind) and not typed:
        _warn(f"{kind}{_place(backend)} is not used: it is code that the config names; {ALLOWED}")
        return None
    target = VISBACKENDS.get(kind, trust=typed, where=backend.origin_of("type"))
    backend.put("type", target, backend.origin_of("type"))
    if not _keeps_inside(backend, folder):
        _warn(
            f"{kind}: save_dir={backend['save_dir']!r}{_place(backend)} is outside the run, which is kept "
            f"together in {folder}; {ALLOWED}"
        )
        del backend["save_dir"]
    unvouched = list(_unvouched(backend, getattr(target, "plain_arguments", frozenset())))
    if unvouched:
        _warn(
            f"{kind}{_place(backend)} is not used: {' and '.join(unvouched)} would decide where the run goes, or "
            f"what is sent with it; {ALLOWED}"
        )
        return None
    return backend


def _unvouched(values: ConfigDict, plain: frozenset[str], path: str = "", *, typed: bool = False) -> Iterator[str]:
    """Dotted names of arguments that only a trusted config may give; with `typed` also where the user typed them."""
    for key, value in values.items():
        name = f"{path}{key}"
        if _is_plain(name, value, plain) or (not path and key in (*ALWAYS, "save_dir")):
            continue
        if _was_typed(values.origin_of(key)) and not typed:
            continue
        if isinstance(value, ConfigDict) and any(known.startswith(f"{name}.") for known in plain):
            yield from _unvouched(value, plain, f"{name}.", typed=typed)
        elif value is not None:
            yield name


def _is_plain(name: str, value: Any, plain: frozenset[str]) -> bool:
    """Whether an allow-list holds the name, the name with this value, or `name.*` for a dict."""
    return name in plain or f"{name}={value}" in plain or (f"{name}.*" in plain and isinstance(value, Mapping))


def _is_foreign(kind: Any) -> bool:
    return isinstance(kind, str) and "." in kind and kind not in VISBACKENDS and not kind.startswith("selfscope.")


def _keeps_inside(backend: ConfigDict, folder: Path | None) -> bool:
    given = backend.get("save_dir")
    if given is None or folder is None or _was_typed(backend.origin_of("save_dir")):
        return True
    return isinstance(given, str) and Path(given).resolve().is_relative_to(folder.resolve())


def _warn(text: str) -> None:
    if not environment_rank():
        say_error(text)


def _was_typed(origin: tuple[str | None, int | None]) -> bool:
    return origin[0] == SOURCE


def _place(backend: ConfigDict) -> str:
    file, line = backend.origin
    return f" ({file}:{line})" if file and line else ""
