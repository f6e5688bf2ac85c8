"""Hypothesis strategies for source text: ordinary config programs, and hostile ones."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

NAMES = ("a", "b", "c", "d")
PREAMBLE = "a = 1\nb = [1, 2, 3]\nc = dict(x=1, y=[2, 3])\nd = 'text'\n"
"""Gives every name of a program a value."""

CONFIGS = [
    path.read_text(encoding="utf-8")
    for folder in (Path(__file__).parents[2] / "configs", Path(__file__).parent / "cases")
    for path in sorted(folder.rglob("*.py"))
]


def _listed(lines: str) -> list[str]:
    return [line.strip() for line in lines.strip().splitlines()]


_SIGNS = "+ - * / // % | & ^ < <= == != and or in".split() + ["not in"]
_FUNCTIONS = "len list tuple set str int float bool abs min max sum sorted any all dict".split()
_SHAPES = _listed(r"""
    [{}, {}]
    ({}, {})
    ({},) + {}
    dict(x={}, y={})
    {{'x': {}, 'y': {}}}
    {}[{}]
    {}[{}:]
    {}[::-1] + {}
    [i for i in {} if i != {}]
    {{i: {} for i in {}}}
    [({}, j) for i in {} for j in [i]]
    f'{{{}}} {{{}!r}}'
    [*{}, {}]
    {{**{}, 'z': {}}}
    round({}, {})
    ({} if {} else 0)
    (not {}, -{})
    {{{}, {}}}
    '%s-%r' % ({}, {})
    list(zip({}, {}))
    list(enumerate({}, {}))
    list(range({}))[:9] + {}
    tuple(i for i in {}) + {}
    f'{{{}:>4}}{{{}}}'
    copy.deepcopy({}) == {}
    [copy.copy({}), {}]
    {} < 2 < {}
    dict({}, k={})
    sorted({}, reverse={})
    sum({}, {})
    {}.get('x', {})
    {}.count({})
    {}.split({})
    {}.join({})
    {}.format({})
    list({}.keys())[{}]
    {}.replace('t', {})
    {}.startswith({})
    {}.index({})
    list({}.items()) + {}
    [{}.lower(), {}]
""")
_HOSTILE_SHAPES = _listed(r"""
    {}.__class__
    {}.__globals__
    {}.__subclasses__()
    {}({})
    {}.format({})
    {} ** {}
    {} << {}
    {} * {}
    {} % {}
    f'{{{}:{{{}}}}}'
    f'{{{}!r:>999999999}}'
    [{} for i in range(10 ** 9)]
    (x := {})
    lambda x: {}
    {}[{}]
    -{}
    getattr({}, '__class__')
    __import__({})
    open({})
    print({})
    str({})
    int({}, {})
    round({}, {})
    {}.join({})
    [[{}] * 1000] * 1000
    copy.deepcopy({})
    copy.{}
    {} in {}
    {} == {}
    sorted({}, key={})
    await {}
    (yield {})
""")
_leaves = st.sampled_from(
    [
        *NAMES,
        "0",
        "1",
        "2",
        "3",
        "-1",
        "2.5",
        "True",
        "False",
        "None",
        "'x'",
        "'y'",
        "''",
        "'a {} b'",
        "[]",
        "()",
        "dict()",
        "{1, 2}",
    ]
)


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, inner)
    return (
        st.builds(lambda pair, sign: f"({pair[0]} {sign} {pair[1]})", two, st.sampled_from(_SIGNS))
        | st.builds(lambda name, value: f"{name}({value})", st.sampled_from(_FUNCTIONS), inner)
        | st.builds(lambda text, pair: text.format(*pair), st.sampled_from(_SHAPES), two)
    )


EXPRESSIONS = st.recursive(_leaves, _combined, max_leaves=6)
_lines = st.sampled_from(
    [
        "{n} = {e}",
        "{n} += {e}",
        "{n} *= {e}",
        "{n} |= {e}",
        "{n}, e = {e}",
        "{n}, *e = {e}",
        "{n} = e = {e}",
        "b[0] = {e}",
        "b[1:] = {e}",
    ]
    + [
        "c['x'] = {e}",
        "c['y'] += {e}",
        "c['new'] = {n}",
        "b.append({e})",
        "b.extend({e})",
        "b.insert(0, {e})",
        "e = {n}.pop({e})",
    ]
    + [
        "del b[0], {n}",
        "del c[{e}]",
        "c.update(z={e})",
        "c.update({e})",
        "c.setdefault('w', {n})",
        "b.remove({e})",
        "b.reverse()",
    ]
    + [
        "if {e}:\n    {n} = {e}\nelse:\n    {n} = 0",
        "for i, {n} in [(1, {e}), (2, 3)]:\n    e = i",
        "{n}: dict = {e}",
        "e = [{n} for {n} in {e}]",
    ]
)
PROGRAMS = st.lists(st.tuples(_lines, st.sampled_from(NAMES), EXPRESSIONS), max_size=6).map(
    lambda lines: (
        "import copy\n" + PREAMBLE + "".join(line.format(n=name, e=value) + "\n" for line, name, value in lines)
    )
)

_hostile_leaves = _leaves | st.sampled_from(
    [
        "_base_",
        "__builtins__",
        "__import__",
        "open",
        "eval",
        "10 ** 9",
        "2 ** 4000",
        "range(10 ** 12)",
        "'{0.__class__}'",
        "'%1000000000d'",
    ]
    + [
        "'/etc/passwd'",
        "os",
        "copy",
        "b",
        "lambda: 0",
        "{{_base_.x}}",
        "'{{ fileDirname }}'",
        "'{{$HOME:x}}'",
        "{{'$HOME:x'}}",
        "...",
        "1j",
    ]
)


def _hostile(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    shapes = st.sampled_from(_HOSTILE_SHAPES)
    return _combined(inner) | st.builds(lambda text, pair: text.format(*pair), shapes, st.tuples(inner, inner))


_hostile_lines = _lines | st.sampled_from(
    [
        "import {n}",
        "from copy import {n}",
        "import os; {n} = os.getcwd()",
        "{n} = [{n}, {n}]\n" * 12,
        "b.append(b)",
        "c['c'] = c",
        "b[0:0] = b",
    ]
    + [
        "_base_ = {e}",
        "_base_ = '/etc/passwd'",
        "_base_ = 'config.py'",
        "_base_ = ['base.py', 'base.py']",
        "_base_.{n} = {e}",
        "{e}",
    ]
    + [
        "with open({e}) as {n}: pass",
        "def f(): return {e}",
        "class A: {n} = {e}",
        "while {e}: pass",
        "for {n} in {e}:\n    b.append({n})",
    ]
    + [
        "try:\n    {e}\nexcept: pass",
        "@{n}\ndef f(): pass",
        "global {n}",
        "assert {e}",
        "custom_imports = dict(imports=[{e}])",
        "raise {e}",
    ]
)
HOSTILE = st.lists(
    st.tuples(_hostile_lines, st.sampled_from(NAMES), st.recursive(_hostile_leaves, _hostile, max_leaves=6)), max_size=6
).map(lambda lines: PREAMBLE + "".join(line.format(n=name, e=value) + "\n" for line, name, value in lines))


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A real config with pieces cut, doubled, swapped, or replaced by noise."""
    text = draw(st.sampled_from(CONFIGS))
    noise = st.text(max_size=6) | st.sampled_from(
        ["(", ")", "[", "{", "}", ",", ":", "=", "'", '"', "\n", "    ", "#", "\\", "**", "f'", "\0"]
    )
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        piece = draw(noise | st.just(text[start:end] * 2) | st.just(text[end:][:20]))
        text = text[:start] + piece + text[end:]
    return text


NOISE = st.text(max_size=200) | st.text(alphabet="abc=()[]{}:,.'\"\n\t #+-*/%\\0123\0\ud800", max_size=200)
