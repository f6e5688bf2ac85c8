from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("watched_loop.py", r"finished: 6 losses, 6 samples in "),
        ("custom_hook.py", r"iteration [1-4], \d+\.\d+ s; \d+ norms at steps \[0, 2, 4\]"),
    ],
)
def test_the_example(name: str, told: str, tmp_path: Path) -> None:
    if name == "custom_hook.py":
        pytest.importorskip("lightning_fabric", reason='pip install "selfscope[train]"')
    command = [sys.executable, str(EXAMPLES / name), str(tmp_path)]
    assert re.match(told, subprocess.run(command, check=True, capture_output=True, text=True).stdout)
