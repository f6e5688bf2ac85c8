"""Source text to a syntax tree: what is wrong with the text is one ConfigError, whose message holds none of it."""

from __future__ import annotations

import ast
import codecs
import re
import stat
import warnings
from pathlib import Path

from selfscope.config.limits import MAX_DEPTH, MAX_SOURCE, Budget, Refusal
from selfscope.errors import ConfigError

# The interpreter's own parser recurses, and on some versions overflows its stack, so what would nest is counted first.
_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*|\\\n)
    |(?P<text>(?P<prefix>[A-Za-z]{0,2})(?:'''(?:[^\\]|\\.)*?(?:'''|\Z)|\"\"\"(?:[^\\]|\\.)*?(?:\"\"\"|\Z)
        |'(?:[^\\\n']|\\.)*'?|"(?:[^\\\n"]|\\.)*"?))
    |(?P<digits>[0-9][0-9_]{4299,})
    |(?P<word>\w+)
    |(?P<open>[\[({])|(?P<close>[\])}])|(?P<comma>,)|(?P<newline>\n)
    |(?P<operator><<|>>|[-+*/%@&|^~.])""",
    re.VERBOSE | re.DOTALL,
)
_WORDS = frozenset({"not", "if", "else", "elif", "lambda", "await", "and", "or"})
_MAX_CHAIN = 4 * MAX_DEPTH


def read_source(path: Path, file: str, budget: Budget) -> str:
    """The text of a config file: a regular file of UTF-8; `file` is its name in messages."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError("this is not a file", file=file)
        budget.text(max(found.st_size, 1))
        with path.open("rb") as stream:
            data = stream.read(MAX_SOURCE + 1)
        budget.text(max(len(data) - found.st_size, 0))
        return data.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("this is not UTF-8 text", file=file) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot be read: {reason}", file=file) from error
    except Refusal as error:
        raise ConfigError(str(error), file=file) from error


def parse(text: str, file: str) -> ast.Module:
    """The tree of a whole file."""
    tree = _parsed(text, file, "exec", 1)
    assert isinstance(tree, ast.Module)
    return tree


def parse_expression(text: str, file: str, line: int) -> ast.expr:
    """The tree of one expression that stands for a part of line `line`."""
    tree = _parsed(text.strip(), file, "eval", line)
    assert isinstance(tree, ast.Expression)
    for node in ast.walk(tree):
        if isinstance(node, ast.expr):
            node.lineno = line
    return tree.body


def _parsed(text: str, file: str, mode: str, first_line: int) -> ast.AST:
    _check_nesting(text, file, first_line)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a doubtful escape is the file's affair, and no warning of this program
            # After an error the interpreter opens the file of this name to find the line: no name, no file.
            return ast.parse(text, filename="", mode=mode)
    except SyntaxError as error:
        line = first_line + (error.lineno or 1) - 1
        raise ConfigError(f"this is not Python: {error.msg}", file=file, line=line) from None
    except (RecursionError, MemoryError, OverflowError) as error:
        raise ConfigError("expressions are nested too deeply", file=file) from error
    except ValueError as error:  # null bytes and lone surrogates
        raise ConfigError(f"this is not Python: {error}", file=file) from error


def _check_nesting(text: str, file: str, line: int) -> None:
    """Refuses brackets, operators, calls and conditions that would nest deeper than the parser bears."""
    chains, branches = [0], 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "close" and len(chains) > 1:
            chains.pop()
        elif kind == "comma" or (kind == "newline" and len(chains) == 1):
            chains[-1] = 0
        elif kind == "text" and "f" in match["prefix"].lower():
            fields = match[0].split("{")[1:]
            chains[-1] += max((sum(map(_nests, _TOKEN.finditer(field))) for field in fields), default=0)
        elif _nests(match):
            chains[-1] += 1
            branches += match[0] == "elif"
            if kind == "open":
                chains.append(0)
        too_deep = len(chains) > MAX_DEPTH or branches > MAX_DEPTH or sum(chains) > _MAX_CHAIN
        if too_deep or kind == "digits":
            where = line + text.count("\n", 0, match.start())
            what = "expressions are nested too deeply, or too long" if too_deep else "a number has too many digits"
            raise ConfigError(what, file=file, line=where)


def _nests(match: re.Match[str]) -> bool:
    return match.lastgroup in ("operator", "open") or (match.lastgroup == "word" and match[0] in _WORDS)
