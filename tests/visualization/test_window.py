"""Pictures shown on a real display: a virtual one, whose screen is read back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import ImageGrab, features

from selfscope.draw.show import sample_photo

if shutil.which("Xvfb") is None or not features.check("xcb"):
    pytest.skip("needs Xvfb, and a Pillow that reads X screens", allow_module_level=True)
pytest.importorskip("tkinter")
pytestmark = pytest.mark.slow

PHOTO = sample_photo(70, 90)

SHOW = """
import sys, time
from selfscope import Visualizer
from selfscope.draw.show import sample_photo
from selfscope.visualization import window
assert window.display_missing() is None, window.display_missing()
if sys.argv[3] == "press":
    import tkinter
    def press(root, shown=tkinter.Tk.mainloop):
        root.after(300, root.focus_force)
        root.after(600, lambda: root.event_generate("<Key>", keysym="q"))
        root.after(900, lambda: root.event_generate("<Key>", keysym="x"))
        shown(root)
    tkinter.Tk.mainloop = press
with Visualizer(vis_backends=[dict(type="LocalVisBackend")], save_dir=sys.argv[1]) as vis:
    vis.set_image(sample_photo(70, 90))
    started = time.perf_counter()
    vis.show(win_name="a photo", wait_time=float(sys.argv[2]), continue_key="x")
    print(time.perf_counter() - started)
"""


@pytest.fixture(scope="module")
def screen():
    """A display of its own, and its name."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "400x300x24", "-nolisten", "tcp", "-noreset"]
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        os.close(write)
        with os.fdopen(read) as name:
            display = f":{name.readline().strip()}"
        yield display
        server.terminate()


def shown(folder, display: str, wait_time: float, press: str = "nothing") -> subprocess.Popen:
    command = [sys.executable, "-c", SHOW, str(folder), str(wait_time), press]
    return subprocess.Popen(command, env={**os.environ, "DISPLAY": display}, stdout=subprocess.PIPE, text=True)


def is_on(display: str) -> bool:
    """Whether the photo stands somewhere on the screen, pixel for pixel."""
    pixels = np.asarray(ImageGrab.grab(xdisplay=display).convert("RGB"))
    height, width, _ = PHOTO.shape
    corners = np.argwhere((pixels[: 1 - height, : 1 - width] == PHOTO[0, 0]).all(axis=-1))
    return any(np.array_equal(pixels[y : y + height, x : x + width], PHOTO) for y, x in corners)


def test_a_window_shows_the_picture_until_its_time_is_over(tmp_path, screen):
    assert not is_on(screen)
    with shown(tmp_path, screen, 3.0) as program:
        seen, until = False, time.monotonic() + 60
        while not seen and program.poll() is None and time.monotonic() < until:
            seen = is_on(screen)
        output, _ = program.communicate(timeout=60)
    assert seen
    assert program.returncode == 0
    assert 3.0 <= float(output) < 10
    assert not is_on(screen)
    assert (tmp_path / "vis_data/vis_image/a photo_0.png").exists()


def test_a_window_closes_at_its_key(tmp_path, screen):
    with shown(tmp_path, screen, 0.0, "press") as program:
        output, _ = program.communicate(timeout=60)
    assert program.returncode == 0
    assert 0.9 <= float(output) < 30
