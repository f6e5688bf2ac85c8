"""What a command costs before it does anything."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

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


def test_letters_that_no_font_has_are_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also while a log is written, which takes everything that is logged."""
    from selfscope.cli.console import log_to
    from selfscope.draw import missing

    def command() -> None:
        with log_to(tmp_path / "log"):
            missing.tell("猫")
            missing.tell("犬")

    monkeypatch.setattr(missing, "_told", set())
    assert guarded(command) == 0
    assert capsys.readouterr().err.count("selfscope: no font of this machine has '猫'") == 1
    assert "猫" in (tmp_path / "log").read_text(encoding="utf-8")
