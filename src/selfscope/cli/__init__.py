"""The command line: parse, call, hand the records on, print."""

from __future__ import annotations

from selfscope.cli.main import main

__all__ = ["main"]
