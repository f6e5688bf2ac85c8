"""`{{ … }}` in configs: a base's value, the config's own path, or an environment variable.

As MMEngine has them, but put in as values, not as source text: a quote in a folder's name stays a quote.
"""

from __future__ import annotations

import ast
import logging
import os
import re
from pathlib import Path
from typing import Any

from selfscope.config.limits import Refusal

PREDEFINED = ("fileDirname", "fileBasename", "fileBasenameNoExtension", "fileExtname")
_PATH = re.compile(r"\{\{\s*(" + "|".join(PREDEFINED) + r")\s*\}\}")
_VARIABLE = re.compile(r"\{\{['\"]?\s*\$(\w+)\s*:\s*(\S*?)\s*['\"]?\}\}")
_BASE = re.compile(r"\{\{\s*_base_\.[\w.]+\s*\}\}")
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)


def fill(text: str, path: Path) -> str:
    """The text with the config's path and environment variables in place of their `{{ … }}`."""
    if "{{" not in text:
        return text
    if _BASE.search(text):
        raise Refusal("{{_base_.…}} stands for a value, not for text: write it without quotes")
    absolute = path.absolute()
    values = (absolute.parent.as_posix(), absolute.name, absolute.stem, absolute.suffix)
    known = dict(zip(PREDEFINED, values, strict=True))
    text = _PATH.sub(lambda match: known[match[1]], text)
    return _VARIABLE.sub(lambda match: variable(match[1], match[2]), text)


def is_template(text: str) -> bool:
    """Whether the reader would put something else in place of a part of the text."""
    return any(pattern.search(text) for pattern in (_PATH, _VARIABLE, _BASE))


def fill_fstring(text: str, path: Path) -> str:
    """The same for a literal part of an f-string, where Python has made one brace of two."""
    doubled = re.sub(r"\{(\s*(?:" + "|".join(PREDEFINED) + r")\s*)\}", r"{{\1}}", text)
    return fill(doubled, path) if doubled != text else text


def variable(name: str, default: str) -> str:
    """The environment variable, or the default; what may be a secret is never read, as configs are stored and sent."""
    if _SECRET.search(name):
        raise Refusal(f"${name} may be a secret, and configs are stored with every run: it is not read")
    value = os.environ.get(name, default)
    if not value:
        raise Refusal(f"${name} is not set, and has no default: set it, or write {{{{${name}:default}}}}")
    if name in os.environ:
        logging.getLogger(__name__).info("the config takes %r from the environment variable %s", value, name)
    return value


def inner(node: ast.Set) -> ast.expr | None:
    """What stands in `{{ … }}` outside of quotes, which Python reads as a set in a set."""
    if len(node.elts) == 1 and isinstance(node.elts[0], ast.Set) and len(node.elts[0].elts) == 1:
        return node.elts[0].elts[0]
    return None


def variable_source(text: Any) -> str | None:
    """The source that `{{'$NAME:default'}}` stands for, from the text between the braces; None for any other."""
    match = _VARIABLE.fullmatch("{{" + text + "}}") if isinstance(text, str) else None
    return variable(match[1], match[2]) if match else None
