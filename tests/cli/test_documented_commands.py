"""What the documentation says to type is what the command line takes, and what it points at is there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import tyro
from tyro.conf import FlagCreatePairsOff

from selfscope.cli.main import Command
from selfscope.cli.train import with_resume_value
from selfscope.config.reader import find_config

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted((ROOT / "docs").glob("*.md"))
DOORS = {
    "tools/misc/browse_dataset.py": "browse",
    "tools/analysis_tools/browse_dataset.py": "browse",
    "tools/analysis_tools/visualize_tsne.py": "tsne",
    "tools/analysis_tools/visualize_reconstruction.py": "reconstruct",
    "tools/train.py": "train",
}
STANDS_FOR_A_CONFIG = ("CONFIG", "mine.py")


def documented(page: Path) -> Iterator[list[str]]:
    """Arguments of every `selfscope …` and `python tools/… …` in the page's blocks of shell, and in its `code`."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```(?:sh|bash)\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").split("\n")]
    lines += re.findall(r"`((?:selfscope|python tools/)[^`\n]*)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    for line in lines:
        words = [word for word in shlex.split(line, comments=True) if "…" not in word]
        for place, word in enumerate(words):
            if word == "selfscope" and len(words) > place + 1:
                yield words[place + 1 :]
                break
            if word in DOORS:
                yield [DOORS[word], *words[place + 1 :]]
                break


COMMANDS = [
    pytest.param(command, id=f"{page.name}-{i}") for page in PAGES for i, command in enumerate(documented(page))
]


def test_commands_are_found_in_the_pages() -> None:
    assert len(COMMANDS) > 25
    names = {command.values[0][0] for command in COMMANDS}
    assert names >= {"browse", "tsne", "compare", "probe", "reconstruct", "train", "sync", "cache", "config"}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_documented_command_is_taken(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    if "--help" in command or len(command) == 1:
        command = [*command, "--help"]
    try:
        found = tyro.cli(Command, args=with_resume_value(command), prog="selfscope", config=(FlagCreatePairsOff,))
    except SystemExit as ended:
        if ended.code:
            pytest.fail(capsys.readouterr().err)
        return
    config = getattr(found, "config", None)
    if config is not None and config.endswith(".py") and config not in STANDS_FOR_A_CONFIG:
        assert find_config(config).is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_are_there(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", text) + re.findall(r'src="([^"]+)"', text)
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []
    named = re.findall(r"`((?:examples|benchmarks|tools|tests|configs/_base_)/[\w/.-]+)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []
