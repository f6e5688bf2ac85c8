"""Configs with every construct that is read; the golden values are those of executing the files with MMEngine."""

from __future__ import annotations

import pprint
from pathlib import Path

import pytest

from selfscope.config.reader import load_config

CASES = sorted((Path(__file__).parent / "cases").glob("*.py"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_values_are_those_of_executing_the_file(case: Path) -> None:
    values = pprint.pformat(load_config(case).to_dict(), width=116, sort_dicts=False)
    assert values == case.with_suffix(".golden").read_text(encoding="utf-8").rstrip("\n")


def test_a_folder_s_name_stays_text(tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s a "folder" with ünïcode {x}'
    folder.mkdir()
    config = folder / "my config.py"
    config.write_text(
        "here = '{{ fileDirname }}/{{fileBasename}}'\nstem = f'{{fileBasenameNoExtension}}'\n", encoding="utf-8"
    )
    assert load_config(config).to_dict() == {"here": f"{folder.as_posix()}/my config.py", "stem": "my config"}


def test_environment_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELFSCOPE_TEST_ROOT", "/data/o'brien")
    monkeypatch.setenv("SELFSCOPE_TEST_CLASSES", "7")
    config = tmp_path / "c.py"
    config.write_text(
        "root = '{{$SELFSCOPE_TEST_ROOT:x}}/a'\nn = [{{'$SELFSCOPE_TEST_CLASSES:80'}}] * 2\n", encoding="utf-8"
    )
    assert load_config(config).to_dict() == {"root": "/data/o'brien/a", "n": [7, 7]}
