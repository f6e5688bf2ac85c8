"""Config values: dicts whose keys are also attributes, and that know the file and line they were written on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from selfscope.errors import nearest

Origin = tuple[str | None, int | None]
"""`(file, line)`; a part that is not known is None."""
UNKNOWN: Origin = (None, None)
D = TypeVar("D", bound="ConfigDict")


class ConfigDict(dict[str, Any]):
    """A dict with attribute access; dicts put into it, also inside lists and tuples, become ConfigDicts.

    Names of dict methods (`items`, `copy`, …) and of the properties here stay methods: such keys are read as items.
    """

    __slots__ = ("_origin", "_origins")
    _origin: Origin
    _origins: dict[Any, Origin]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        object.__setattr__(self, "_origin", UNKNOWN)
        object.__setattr__(self, "_origins", {})
        source = args[0] if args else None
        if isinstance(source, ConfigDict):
            object.__setattr__(self, "_origin", source._origin)
            self._origins.update(source._origins)
        super().__init__({key: as_config(value) for key, value in dict(*args, **kwargs).items()})

    @classmethod
    def at(cls: type[D], origin: Origin, entries: Iterable[tuple[Any, Any, Origin]] = ()) -> D:
        """A dict written at `origin` from (key, value, origin of the entry); values are kept as they are."""
        made = cls()
        object.__setattr__(made, "_origin", origin)
        for key, value, where in entries:
            made.put(key, value, where)
        return made

    def put(self, key: Any, value: Any, origin: Origin = UNKNOWN) -> None:
        """Sets an entry to the very object given, with the place it was written at."""
        dict.__setitem__(self, key, value)
        self._origins[key] = origin

    @property
    def origin(self) -> Origin:
        """`(file, line)` where the dict was written; that of a merged dict is its base's."""
        return self._origin

    def origin_of(self, key: Any) -> Origin:
        """`(file, line)` where the entry was last written, which may be another file than the dict's."""
        where = self._origins.get(key, UNKNOWN)
        return where if where != UNKNOWN else self._origin

    def entries(self) -> Iterator[tuple[Any, Any, Origin]]:
        """(key, value, origin) of every entry."""
        return ((key, value, self._origins.get(key, UNKNOWN)) for key, value in self.items())

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts all the way down."""
        return _plain(self)

    def copy(self: D) -> D:
        """A shallow copy that keeps type and origins."""
        made = type(self).at(self._origin, self.entries())
        self._copy_slots(made)
        return made

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Merges dicts into dicts, as MMEngine's does; everything else replaces."""
        for key, value in dict(*args, **kwargs).items():
            mine = self.get(key)
            if isinstance(mine, ConfigDict) and isinstance(value, dict):
                mine.update(value)
            else:
                self[key] = value

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._origins.pop(key, None)
        super().__setitem__(key, as_config(value))

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            file, line = self._origin
            where = f" at {file}:{line}" if file and line else f" {file}" if file else ""
            hint = nearest(name, (key for key in self if isinstance(key, str)))
            raise AttributeError(f"the config{where} has no {name!r}.{hint}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self:
            raise AttributeError(f"the config has no {name!r}.{nearest(name, self)}")
        del self[name]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(key for key in self if isinstance(key, str) and key.isidentifier())]

    def __copy__(self) -> ConfigDict:
        return self.copy()

    def __reduce__(self) -> Any:
        return _rebuilt, (type(self), dict(self), self._origin, dict(self._origins), self._slots())

    def __or__(self, other: Any) -> Any:
        if not isinstance(other, Mapping):
            return NotImplemented
        made = self.copy()
        for key, value in other.items():
            made[key] = value
        return made

    def _slots(self) -> dict[str, Any]:
        return {}

    def _copy_slots(self, other: ConfigDict) -> None:
        for name, value in self._slots().items():
            object.__setattr__(other, name, value)


class WrittenDict(ConfigDict):
    """A dict that the file being read has written itself: a plain dict there, so that what is put into it is shared.

    Dicts of bases are MMEngine's ConfigDict there, which copies plain dicts and lists that are put into it.
    """

    __slots__ = ()


class Config(ConfigDict):
    """A whole config: the top-level names of its file, merged with its bases."""

    __slots__ = ("_file",)
    _file: str | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        object.__setattr__(self, "_file", getattr(args[0], "_file", None) if args else None)

    @property
    def file(self) -> str | None:
        """The path that was read; None for a config made from a dict."""
        return self._file

    def source(self) -> str:
        """Python that `load_config` evaluates to an equal value: no bases, one top-level name after the other."""
        from selfscope.config.source import source

        return source(self)

    def _slots(self) -> dict[str, Any]:
        return {"_file": self._file}


def as_config(value: Any) -> Any:
    """The value with every plain dict in it, also in lists and tuples, as a ConfigDict."""
    if type(value) is dict or (isinstance(value, dict) and not isinstance(value, ConfigDict)):
        return ConfigDict(value)
    if type(value) in (list, tuple):
        return type(value)(as_config(item) for item in value)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_plain(item) for item in value)
    return value


def _rebuilt(
    cls: type[ConfigDict], values: dict[Any, Any], origin: Origin, origins: dict[Any, Origin], slots: dict[str, Any]
) -> ConfigDict:
    made = cls.at(origin, ((key, value, origins.get(key, UNKNOWN)) for key, value in values.items()))
    for name, value in slots.items():
        object.__setattr__(made, name, value)
    return made
