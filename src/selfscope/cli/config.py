"""`selfscope config`: what a config says once its bases and overrides are merged."""

from __future__ import annotations

from dataclasses import dataclass

from tyro.conf import Positional

from selfscope.errors import UsageError


@dataclass(frozen=True)
class ShowConfig:
    """Prints a config merged with its bases and overrides, as Python that reads back to the same values.

    Without a config it lists those that come with selfscope; they are found by these names from any folder.
    """

    config: Positional[str | None] = None
    """Config file."""
    cfg_options: tuple[str, ...] = ()
    """Overrides of the config: a.b=c "k=[1,2]"."""

    def __call__(self) -> None:
        from selfscope.config.bases import shipped_names
        from selfscope.config.reader import load_config

        if self.config is None:
            if self.cfg_options:
                raise UsageError("config: --cfg-options change a config: name one")
            print(*shipped_names(), sep="\n")
            return
        print(load_config(self.config, self.cfg_options).source())
