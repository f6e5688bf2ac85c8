"""Showing a picture to the person at the machine: in a notebook, in a window, or, without a display, not at all."""

from __future__ import annotations

import logging
import os
import sys
from functools import lru_cache

import numpy as np
from PIL import Image

log = logging.getLogger(__name__)


def show_picture(picture: np.ndarray, title: str, wait_time: float = 0.0, continue_key: str = " ") -> bool:
    """Whether the picture was shown; without notebook, display or window toolkit it is not, and the log says why."""
    shell = _notebook()
    if shell is not None:
        from IPython.display import display

        display(Image.fromarray(picture))
        return True
    missing = display_missing()
    if missing:
        log.warning("%s: not shown, since %s", title, missing)
        return False
    _window(picture, title, wait_time, continue_key)
    return True


def _notebook() -> object | None:
    """The kernel's shell, when a notebook runs this code: IPython is then imported already."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell if shell is not None and hasattr(shell, "kernel") else None


@lru_cache(maxsize=1)
def display_missing() -> str | None:
    """Why nothing can be shown to anyone, or None; asked before a toolkit is touched: some end the process without."""
    if _notebook() is not None:
        return None
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no display (DISPLAY and WAYLAND_DISPLAY are empty)"
    try:
        import tkinter  # the one toolkit that comes with Python
    except ImportError:
        return "this Python has no tkinter"
    try:
        tkinter.Tk().destroy()
    except tkinter.TclError as error:
        return f"no window can open: {error}"
    return None


def _window(picture: np.ndarray, title: str, wait_time: float, continue_key: str) -> None:
    import tkinter

    from PIL import ImageTk

    root = tkinter.Tk()
    root.title(title)
    photo = ImageTk.PhotoImage(Image.fromarray(picture), master=root)
    tkinter.Label(root, image=photo, borderwidth=0).pack()
    root.bind("<Key>", lambda event: root.destroy() if event.char == continue_key else None)
    if wait_time > 0:
        root.after(round(wait_time * 1000), root.destroy)
    root.mainloop()
