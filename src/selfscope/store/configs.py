"""Whatever holds a config becomes one record: its values, and Python source that evaluates to them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from selfscope.errors import RecordError
from selfscope.records import Config


def config_record(config: Any) -> Config:
    """Takes a record, a Config of selfscope or MMEngine (`pretty_text` and `to_dict`), or a mapping of plain values.

    A mapping with a key that a config cannot have as a name, `{"optim.lr": 0.1}`, is kept whole under `config`.
    """
    if isinstance(config, Config):
        return config
    if callable(getattr(config, "source", None)):
        return Config(deepcopy(config), config.source())
    if hasattr(config, "to_dict") and isinstance(getattr(config, "pretty_text", None), str):
        return Config(config.to_dict(), config.pretty_text)
    if isinstance(config, Mapping):
        from selfscope.config.source import is_top_level
        from selfscope.config.values import Config as ReadConfig

        named = all(is_top_level(key) for key in config)
        read = ReadConfig(config if named else {"config": dict(config)})
        return Config(read, read.source())
    raise RecordError(f"expected a config or a mapping of plain values, got {type(config).__name__}")
