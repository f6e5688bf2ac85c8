"""Processes that read pictures: how they begin, and what they do about signals and the end of whoever began them."""

from __future__ import annotations

import multiprocessing
import os
import signal
from threading import Thread
from typing import Any

START_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
"""How workers begin; never by forking this process, which may hold threads, locks and a GPU."""


def begin_server(*modules: str) -> None:
    """Has the process from which workers will be forked import `modules` already, while this one does other things.

    Where workers are spawned there is no such process, and nothing happens.
    """
    if START_METHOD == "forkserver":
        from multiprocessing import forkserver  # here, since Windows has none

        forkserver.set_forkserver_preload(["selfscope.data.loading", *modules])
        forkserver.ensure_running()


def end_with_parent(worker: int) -> None:
    """For a worker as it begins: it ends when the process that began it is gone, also where that was killed.

    A DataLoader's worker watches the process that forked it: the fork server, which waits for its workers in turn.
    OpenCV gets one thread, as torch does in such workers.
    """
    import cv2  # here, since a command that begins a server has no time for it

    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_follow, args=(parent,), name="selfscope parent", daemon=True).start()


def leave_signals_to_parent(worker: int) -> None:
    """As `end_with_parent`; and whoever stops a training stops it in the parent, which ends its workers itself.

    Ctrl-C reaches every process of a terminal, and torchrun's and a cluster's SIGTERM every process of a group. So the
    first SIGTERM is left alone; the second ends the worker.
    """
    end_with_parent(worker)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _once)


def _once(number: int, frame: Any) -> None:
    signal.signal(number, signal.SIG_DFL)


def _follow(parent: Any) -> None:
    parent.join()
    os._exit(1)
