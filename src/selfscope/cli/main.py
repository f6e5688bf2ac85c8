"""Chooses the command, and turns what it raises into one sentence and an exit code."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import tyro
from tyro.conf import FlagCreatePairsOff, subcommand

from selfscope import __version__
from selfscope.cli.browse import Browse
from selfscope.cli.cache import Cache
from selfscope.cli.compare import Compare
from selfscope.cli.config import ShowConfig
from selfscope.cli.console import lettering_said, say_error
from selfscope.cli.demo import Demo
from selfscope.cli.probe import Probe
from selfscope.cli.reconstruct import Reconstruct
from selfscope.cli.sync import Sync
from selfscope.cli.train import Train, with_resume_value
from selfscope.cli.tsne import Tsne
from selfscope.errors import SelfscopeError

Command = (
    Annotated[Browse, subcommand("browse")]
    | Annotated[Tsne, subcommand("tsne")]
    | Annotated[Reconstruct, subcommand("reconstruct")]
    | Annotated[Compare, subcommand("compare")]
    | Annotated[Probe, subcommand("probe")]
    | Annotated[ShowConfig, subcommand("config")]
    | Annotated[Sync, subcommand("sync")]
    | Annotated[Cache, subcommand("cache")]
    | Annotated[Train, subcommand("train")]
    | Annotated[Demo, subcommand("demo")]
)
DESCRIPTION = "See what a self-supervised vision model has learned: its data, its embedding space, its reconstructions."
INTERRUPTED = 130
RARELY = 50
"""How much more seldom long-lived objects are searched for garbage: importing torch makes half a million that all stay,
and a tenth of a short command's time went into looking through them.
"""
ONE_THREAD = "1"
"""Of OpenCV, unless the user says otherwise: on pictures as small as views its threads wait for each other."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; 0 when it did what was asked, 1 when it was refused (one sentence), 130 on Ctrl-C."""
    os.environ.setdefault("OPENCV_FOR_THREADS_NUM", ONE_THREAD)
    arguments = with_resume_value(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:
        print(f"selfscope {__version__}")
        return 0
    command = tyro.cli(
        Command,
        args=arguments or ["--help"],
        prog="selfscope",
        description=DESCRIPTION,
        config=(FlagCreatePairsOff,),
    )
    return guarded(command)


def guarded(command: Callable[[], None]) -> int:
    """Runs the command with errors said in a sentence; SIGTERM stops it as Ctrl-C does, so that runs close properly."""
    previous, often = signal.signal(signal.SIGTERM, _interrupt), gc.get_threshold()
    gc.set_threshold(*often[:2], RARELY * often[2])
    try:
        with lettering_said():
            command()
    except SelfscopeError as error:
        say_error(str(error))
        return 1
    except PermissionError as error:
        say_error(f"no permission to write or read {error.filename}: choose another path")
        return 1
    except OSError as error:  # a full disk, a path that cannot be, a network folder that went away
        say_error(f"{error.filename or 'input or output'}: {error.strerror or error}")
        return 1
    except KeyboardInterrupt:
        say_error("stopped; what was written before stays")
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, previous)
        gc.set_threshold(*often)
    return 0


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt
