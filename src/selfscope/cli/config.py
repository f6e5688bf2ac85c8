"""`selfscope config`: what a config says once its bases and overrides are merged."""

from __future__ import annotations

from dataclasses import dataclass

from tyro.conf import Positional


@dataclass(frozen=True)
class ShowConfig:
    """Prints a config merged with its bases and overrides, as Python that reads back to the same values."""

    config: Positional[str]
    """Config file."""
    cfg_options: tuple[str, ...] = ()
    """Overrides of the config: a.b=c "k=[1,2]"."""

    def __call__(self) -> None:
        from selfscope.config.reader import load_config

        print(load_config(self.config, self.cfg_options).source())
