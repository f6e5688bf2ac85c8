"""Programs that would eat the machine: each is refused before it costs anything, in well under the time it is given."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest

from selfscope.config.reader import load_config
from selfscope.errors import ConfigError

DOUBLED = "a = [a, a]\n" * 60
BOTH = "a = (a, a)\nb = (b, b)\n" * 60
EXPENSIVE = {
    "power": "x = 2 ** 10 ** 9",
    "power of large": "x = (2 ** 4000) ** (2 ** 4000)",
    "shift": "x = 1 << 10 ** 9",
    "large product": "x = 2 ** 4000 * 2 ** 4000",
    "repeated list": "x = [0] * 10 ** 9",
    "repeated text": "x = 10 ** 9 * 'a'",
    "repeated bytes": "x = b'a' * 10 ** 9",
    "printf width": "x = '%1000000000d' % 1",
    "printf star": "x = '%*d' % (10 ** 9, 1)",
    "printf precision": "x = '%.1000000000f' % 1",
    "printf odd key": "x = '%((a))999999999d' % {'(a)': 1}",
    "printf many": "a = 'x' * 100000\nx = '%(a)s' * 9000 % dict(a=a)",
    "f-string width": "x = f'{1:1000000000}'",
    "f-string width by value": "w = 10 ** 9\nx = f'{1:{w}}'",
    "format width": "x = '{:1000000000}'.format(1)",
    "format many": "x = ('{a}' * 90000).format(a='b' * 100000)",
    "join": "x = ('a' * 1000).join(['b'] * 100000)",
    "replace": "x = ('a' * 100000).replace('', 'b' * 1000)",
    "comprehension": "x = [0 for i in range(10 ** 9)]",
    "comprehensions": "x = [[[0 for i in range(1000)] for j in range(1000)] for k in range(1000)]",
    "empty comprehension": "x = [0 for i in range(10 ** 4) for j in range(10 ** 4) if False]",
    "many loops": "x = [0 " + "for i in range(2) " * 40 + "]",
    "statements": "for i in range(1000):\n    for j in range(1000):\n        for k in range(1000):\n            x = i",
    "doubled by addition": "a = [0]\n" + "a = a + a\n" * 60,
    "doubled in place": "a = [0]\n" + "a += a\n" * 60,
    "slice assignment": "a = [0]\n" + "a[0:0] = a\n" * 60,
    "shared": "a = []\n" + DOUBLED,
    "shared dicts": "a = {}\n" + "a = dict(x=a, y=a)\n" * 60,
    "shared, printed": "a = []\n" + DOUBLED + "x = f'{a}'\ndel a",
    "shared, compared": "a = ()\nb = ()\n" + BOTH + "x = a == b\ndel a, b",
    "shared, searched": "a = ()\nb = ()\n" + BOTH + "x = a in [b]\ndel a, b",
    "shared, sorted": "a = ()\nb = ()\n" + BOTH + "x = len(sorted([a, b]))\ndel a, b",
    "shared, hashed": "a = ()\n" + "a = (a, a)\n" * 60 + "x = len({a: 1})\ndel a",
    "shared, copied": "import copy\na = []\n" + DOUBLED + "x = len(copy.deepcopy(a))\ndel a",
    "colliding keys": "x = {i * (2 ** 61 - 1): 0 for i in range(50000)}",
    "colliding tuples": "x = {(i * (2 ** 61 - 1),) for i in range(50000)}",
    "search in range": "x = 5.5 in range(10 ** 15)",
    "list of range": "x = list(range(10 ** 15))",
    "length of range": "x = len(range(10 ** 30))",
    "slices": "a = [0] * 500000\nfor i in range(1000): b = a[:]",
    "insertions": "a = [0] * 500000\nfor i in range(100000): a.insert(0, 1)",
    "digits": "x = int('9' * 5000)",
    "long literal": "x = " + "9" * 100_000,
    "long hexadecimal": "x = 0x" + "f" * 900_000,
    "rounding": "x = round(5, -10 ** 9)",
    "holds itself": "a = []\na.append(a)",
    "holds itself, printed": "a = {}\na['x'] = a\nb = str(a)",
    "deep value": "a = []\n" + "a = [a]\n" * 5000,
    "deep brackets": "x = " + "[" * 150 + "]" * 150,
    "deep minus": "x = " + "-" * 100_000 + "1",
    "long sum": "x = " + "+".join(["1"] * 100_000),
    "long attribute": "x = a" + ".b" * 100_000,
    "long subscript": "x = a" + "[0]" * 100_000,
    "long shift": "x = " + "<<".join(["1"] * 100_000),
    "long call": "x = a" + "()" * 100_000,
    "long product": "x = " + "@".join(["1"] * 100_000),
    "long condition in an f-string": "x = f'{" + "1 if 1 else " * 50_000 + "1}'",
    "long negation in an f-string": 'x = F"""{(' + "not " * 50_000 + '1)}"""',
    "long sum in an f-string in a field": "x = f'{f\"{" + "+".join(["1"] * 50_000) + "}\"}'",
    "deep lambda": "x = " + "lambda: " * 50_000 + "1",
    "deep power": "x = " + "**".join(["1"] * 50_000),
    "long sum in an f-string": "x = f'{" + "+".join(["1"] * 100_000) + "}'",
    "long condition": "x = " + "1 if 1 else " * 50_000 + "1",
    "many branches": "if 0: pass\n" + "elif 0: pass\n" * 50_000,
    "deep blocks": "".join(" " * i + "if 1:\n" for i in range(200)) + " " * 200 + "x = 1",
}


COSTLY = [  # each goes on for a third of a second and more before it is refused
    *("comprehensions", "empty comprehension", "statements", "shared dicts"),
    *("shared, printed", "shared, compared", "shared, searched", "shared, sorted", "shared, hashed"),
    *("shared, copied", "many loops"),
]


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in COSTLY else n for n in EXPENSIVE])
def test_refused_before_it_costs(tmp_path: Path, name: str) -> None:
    path = tmp_path / "config.py"
    path.write_text(EXPENSIVE[name], encoding="utf-8")
    start = time.process_time()
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert time.process_time() - start < 10
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("name", ["repeated list", "printf odd key", "long hexadecimal", "power", "f-string width"])
def test_refused_before_memory_is_taken(tmp_path: Path, name: str) -> None:
    path = tmp_path / "config.py"
    path.write_text(EXPENSIVE[name], encoding="utf-8")
    tracemalloc.start()
    with pytest.raises(ConfigError):
        load_config(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60_000_000


@pytest.mark.parametrize(
    "source",
    [
        "x = 2 ** 4095",
        pytest.param("x = [0] * 500_000", marks=pytest.mark.slow),
        "x = 'a' * 900_000",
        "x = list(range(300_000))",
        "x = [i * 2 for i in range(100_000)]",
        "x = f'{1:9999}'",
        "x = " + "(" * 95 + "1" + ")" * 95,
        "x = " + " + ".join(["1"] * 90),
        pytest.param("x = [" + "1, " * 100_000 + "]", marks=pytest.mark.slow),
        pytest.param("x = [" + "dict(a=1, b=[2.5, 'c']), " * 10_000 + "]", marks=pytest.mark.slow),
    ],
)
def test_large_but_allowed(tmp_path: Path, source: str) -> None:
    path = tmp_path / "config.py"
    path.write_text(source, encoding="utf-8")
    assert load_config(path) == {"x": eval(source.removeprefix("x = "))}
