"""Characters that no font of this machine has: which package has a font for them."""

from __future__ import annotations

import logging
import multiprocessing
import shutil
import sys
import unicodedata
from collections.abc import Iterable

log = logging.getLogger(__name__)
CJK = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH", "HALFWIDTH")
"""First words of the names of characters that fonts for Chinese, Japanese and Korean have."""
COMMON = ("LATIN", "GREEK", "CYRILLIC")
SIGN = "SIGN"
NUMBERS = tuple(
    "SUPERSCRIPT SUBSCRIPT VULGAR FRACTION CIRCLED NEGATIVE DOUBLE PARENTHESIZED DIGIT NUMBER DINGBAT ROMAN".split()
)
"""First words of the names of numbers, such as ½ and ², that belong to no script."""
PACKAGES = {
    "apt-get": ("apt-get install", "fonts-noto-cjk", "fonts-noto-core", "fonts-dejavu-core", "fonts-symbola"),
    "dnf": (
        "dnf install -y",
        "google-noto-sans-cjk-fonts",
        "google-noto-sans-fonts",
        "dejavu-sans-fonts",
        "gdouros-symbola-fonts",
    ),
    "pacman": ("pacman -S", "noto-fonts-cjk", "noto-fonts", "ttf-dejavu", "noto-fonts"),
    "apk": ("apk add", "font-noto-cjk", "font-noto", "font-dejavu", "font-noto-symbols"),
    "brew": ("brew install --cask", "font-noto-sans-cjk", "font-noto-sans-{script}", "font-dejavu", "font-noto-emoji"),
}
"""How each system installs, and what it calls a font for Chinese, Japanese and Korean, for other scripts, for Latin,
Greek and Cyrillic, and for signs.
"""
_told: set[str] = set()


def tell(characters: Iterable[str]) -> None:
    """Logs one line for each script, once a process; those that were started to help another leave it to that one."""
    for script, letters in _by_script(characters).items():
        if script not in _told and multiprocessing.parent_process() is None:
            _told.add(script)
            log.warning("%s", sentence(script, letters))


def sentence(script: str, letters: str) -> str:
    """What stands in a picture in place of the letters, and what to install to see them."""
    return f"no font of this machine has {letters!r}, so pictures spell it out; to see it: {_install(script)}"


def _by_script(characters: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for character in characters:
        name = unicodedata.name(character, SIGN).removeprefix("EXTENDED ")  # Arabic digits, as in Persian
        word = name.partition(" ")[0].partition("-")[0]
        written = unicodedata.category(character)[0] in "LMN" and word not in NUMBERS
        script = "CJK" if word in CJK else word if written else SIGN
        found[script] = found.get(script, "") + character
    return found


def _install(script: str) -> str:
    if sys.platform == "win32":
        return "Settings > System > Optional features > Add a feature > the supplemental fonts of the language"
    known = "brew" if sys.platform == "darwin" else next(filter(shutil.which, PACKAGES), "apt-get")
    command, cjk, other, common, signs = PACKAGES[known]
    wanted = cjk if script == "CJK" else common if script in COMMON else signs if script == SIGN else other
    return f"{command} {wanted.format(script=script.lower())}"
