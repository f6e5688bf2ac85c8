"""What a config may not do, and the one sentence that each gets, with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfscope.config.reader import load_config
from selfscope.errors import ConfigError

REFUSED = {
    "import os": "`import os`: only `copy` can be imported",
    "from os import system": "`import os`",
    "from copy import sys": "`import copy`",
    "import copy\nx = copy": "'copy' is a module or function, not a value",
    "import copy\nx = copy.sys": "'copy' is a module",
    "import copy\nx = copy.sys()": "`copy` has `copy` and `deepcopy`, not 'sys'",
    "x = __import__('os')": "'__import__' cannot be called",
    "x = open('/etc/passwd')": "'open' cannot be called",
    "x = eval('1')": "'eval' cannot be called",
    "x = lenn([1])": "Did you mean 'len'?",
    "x = ().__class__": "a tuple has no attribute '__class__'",
    "x = [].__class__.__base__.__subclasses__()": "a list has no attribute",
    "x = ''.join.__self__": "a str has no attribute 'join'",
    "x = _base_.__class__": "there is no '__class__' here",
    "x = dict(a=1).__dict__": "there is no '__dict__' here",
    "x = dict(a=1)._origin": "there is no '_origin' here",
    "x = dict.__subclasses__()": "'dict' is a function, not a value",
    "x = (5).real": "an int has no attribute",
    "x = '{0.__class__}'.format(1)": "no attributes, items or nesting",
    "x = '{0[a]}'.format(dict(a=1))": "no attributes, items or nesting",
    "x = '{} {0}'.format(1)": "not both",
    "x = '{}{}'.format(1)": "no value for field 1",
    "x = '{a}'.format(b=1)": "no value named 'a'",
    "x = '{a}'.format_map(dict(a=1))": "`.format_map()` of a str is not read. Did you mean 'format'?",
    "x = 'a'.encode()": "`.encode()` of a str is not read",
    "x = [1].sort()": "`.sort()` of a list is not read",
    "x = None.a": "None has no attribute",
    "x = (1).to_bytes(2, 'big')": "methods of an int are not read",
    "x = [len][0]([1])": "only functions and methods by name can be called",
    "x = len": "'len' is a function, not a value",
    "x = (lambda: 1)()": "only functions and methods by name can be called",
    "x = lambda: 1": "a lambda is not read",
    "x = (y := 1)": "`:=` is not read",
    "x = (i for i in [1])": "a generator outside of a call is not read",
    "x = [i async for i in [1]]": "`async for` is not read",
    "def f(): pass": "`def` is not read",
    "class A: pass": "`class` is not read",
    "while True: pass": "`while` is not read",
    "try:\n    pass\nfinally:\n    pass": "`try` is not read",
    "with open('x') as f: pass": "`with` is not read",
    "for i in [1]: break": "`break` is not read",
    "raise ValueError": "`raise` is not read",
    "assert 1": "`assert` is not read",
    "global x": "`global` is not read",
    "return 1": "`return` is not read",
    "x = await y": "`await` is not read",
    "match 1:\n    case 1: pass": "`match` is not read",
    "x = 1j": "1j is not a config value",
    "x = ...": "Ellipsis is not a config value",
    "x = (-8) ** 0.5": "complex numbers are not config values",
    "x = [1] @ [2]": "matrix products are not read",
    "x = y": "'y' is not defined",
    "value = 1\nx = valve": "Did you mean 'value'?",
    "x = __builtins__": "'__builtins__' is not defined",
    "x == 1": "this line changes nothing",
    "x": "this line changes nothing",
    "x = 1 / 0": "division by zero",
    "x = 2.0 ** 10000": "this number is too large",
    "x = [1][5]": "list index out of range",
    "x = dict(a=1)['b']": "there is no key 'b'",
    "x = 'a' + 1": "can only concatenate str",
    "x = {[]: 1}": "a list cannot be a key or in a set",
    "x = {dict()}": "a dict cannot be a key or in a set",
    "x = dict(a=1, **dict(a=2))": "the name 'a' is given twice",
    "x = dict(a=1, a=2)": "the name 'a' is given twice",
    "x = dict(**{1: 2})": "1 is not a name",
    "x = dict(5)": "an int cannot be iterated over",
    "x = dict(1, 2)": "`dict` takes one value",
    "x = len()": "`len()` does not take these arguments",
    "x = len([1], key=2)": "`len()` does not take these arguments",
    "x = round('a')": "`round` takes a number",
    "x = sum([[1], [2]])": "`sum` takes numbers only",
    "a, b = 1, 2, 3": "cannot unpack 3 values into 2 targets",
    "*a, *b = [1]": "cannot unpack 1 values into 2 targets",
    "a = 'text'\na[0] = 'x'": "items of a str cannot be assigned",
    "a = (1,)\ndel a[0]": "items of a tuple cannot be deleted",
    "del nothing": "'nothing' is not defined, so it cannot be deleted",
    "x = int('abc')": "invalid literal for int()",
    "x = {1, 2}[0]": "a set has no items by index",
    "x = {{fileDirname}}": "a path goes in quotes",
    "x = '{{_base_.y}}'": "write it without quotes",
    "x = {{_base_.y}}": "there is no 'y' here",
    "x = '{{$SELFSCOPE_TEST_UNSET:}}'": "$SELFSCOPE_TEST_UNSET is not set, and has no default",
    "x = '{{$WANDB_API_KEY:}}'": "$WANDB_API_KEY may be a secret",
    "x = {{'$MY_TOKEN:1'}}": "$MY_TOKEN may be a secret",
    "x = '%s %s' % (1,)": "not enough arguments",
    "x = '%ld' % 1": "`%l` is no format",
    "x = b'%d' % 1": "`%` of bytes is not read",
    "x = (": "this is not Python",
    "x = 1\0": "this is not Python",
    "\tx = 1": "this is not Python",
    "x = '\\N{nothing}'": "this is not Python",
}


@pytest.mark.parametrize("source", REFUSED, ids=lambda source: source.replace("\n", "; "))
def test_each_is_one_sentence_with_file_and_line(tmp_path: Path, source: str) -> None:
    path = tmp_path / "config.py"
    path.write_text(f"first = 1\n{source}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_config(path)
    message = str(error.value)
    assert REFUSED[source] in message
    assert "\n" not in message
    assert (error.value.file or "").endswith("config.py")
    if "\0" not in source:
        assert error.value.line in (2, 3)


def test_what_is_not_reached_is_not_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.py"
    path.write_text(
        "x = 1 if True else open('/etc/passwd')\nif x == 2:\n    import os\ny = False and eval('1')", encoding="utf-8"
    )
    assert load_config(path) == {"x": 1, "y": False}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"x = '\xff'", "this is not UTF-8 text"),
        (b"\x89PNG\r\n\x1a\n", "this is not UTF-8 text"),
        (b"x = 1\n" * 200_000, "at most 1,000,000 bytes of source"),
        (b"\xfe\xff\x00x", "this is not UTF-8 text"),
    ],
)
def test_files_that_are_no_source(tmp_path: Path, data: bytes, sentence: str) -> None:
    path = tmp_path / "config.py"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=sentence):
        load_config(path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"# only a comment",
        b"\xef\xbb\xbfx = 1",
        b"x = 1\r\ny = 2\r\n",
        b"# -*- coding: latin-1 -*-\nx = '\xc3\xbc'",
    ],
)
def test_files_that_are_odd_but_fine(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "config with space ünï.py"
    path.write_bytes(data)
    assert set(load_config(path)) <= {"x", "y"}
    assert load_config(path).get("x") in (None, 1, "ü")
