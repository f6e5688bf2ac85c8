"""What a command costs before it does anything."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from selfscope.cli.main import RARELY, guarded


def test_long_lived_objects_are_searched_seldom_while_a_command_runs() -> None:
    seen: list[tuple[int, ...]] = []
    before = gc.get_threshold()
    assert guarded(lambda: seen.append(gc.get_threshold())) == 0
    assert seen == [(*before[:2], RARELY * before[2])]
    with pytest.raises(ZeroDivisionError):
        guarded(lambda: print(1 // 0))
    assert gc.get_threshold() == before


@pytest.mark.slow
def test_loading_and_reconstructing_import_nothing_heavy_but_torch() -> None:
    heavy = "{'scipy', 'sklearn', 'numba', 'pandas', 'pyarrow', 'timm', 'torchvision', 'matplotlib'}"
    code = f"import sys, selfscope.views.load, selfscope.views.reconstruct; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"
