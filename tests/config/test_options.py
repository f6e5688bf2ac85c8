"""`--cfg-options`: the table holds what MMEngine's `DictAction` gives for the same text."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from selfscope.config.options import nested
from selfscope.config.reader import load_config, parse_options
from selfscope.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-3", -3),
        ("1_000", 1000),
        ("1.5", 1.5),
        ("1e-3", 1e-3),
        ("true", True),
        ("False", False),
        ("TRUE", True),
        ("None", None),
        ("none", "none"),
        ("inf", math.inf),
        ("", ""),
        ("a b", "ab"),
        ("'quoted'", "quoted"),
        ('"1"', 1),
        ("[1,2]", [1, 2]),
        ("(1,2)", (1, 2)),
        ("a,b", ["a", "b"]),
        ("1,", [1]),
        (",", [""]),
        ("[]", []),
        ("()", ()),
        ("[a, b, 3.5, None]", ["a", "b", 3.5, None]),
        ("[(a,b),(c,d)]", [("a", "b"), ("c", "d")]),
        ("[(1, 2, 3), [a, b], c]", [(1, 2, 3), ["a", "b"], "c"]),
        ("([],())", ([], ())),
        ("[[1,],(2,)]", [[1], (2,)]),
        ("('a','b')", ("a", "b")),
        ("x=y", "x=y"),
        ("a(b", "a(b"),
        ("(a)(b)", ("a)(b",)),
        ("1,2)(3,4", [1, "2)(3", 4]),
        ("https://x.y/z.pth", "https://x.y/z.pth"),
    ],
)
def test_values_are_typed_as_mmengine_types_them(text: str, value: Any) -> None:
    parsed = parse_options([f"k={text}"])["k"]
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('[dict(type="A", n=3)]', [{"type": "A", "n": 3}]),
        ("dict(type='A b', sizes=(1, 2))", {"type": "A b", "sizes": (1, 2)}),
        ('{"type": "A"}', {"type": "A"}),
        ("[]", []),
        ("{{_base_.x}}", "{{_base_.x}}"),
        ("dictionary", "dictionary"),
    ],
)
def test_dicts_are_read_as_in_a_config_file(text: str, value: Any) -> None:
    assert parse_options([f"k={text}"]) == {"k": value}


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("k=[dict(type=A)]", "A"),
        ('k=[dict(type="A"]', "does not match|never closed|bracket"),
        ('k=dict(a=open("x"))', "open"),
        ("novalue", "expected key=value"),
        ("=1", "expected key=value"),
        ("k=[1,2", "brackets"),
        ("k=(1,2),(3,4)", "one pair of brackets"),
        ("k=1,(2)),((3)", "one pair of brackets"),
        ("k=" + "[" * 200 + "]" * 200, "brackets|nested"),
        ("k=" + "9" * 5000, "too long"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(option: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as error:
        parse_options([option])
    assert str(error.value).startswith("--cfg-options: ")
    assert len(str(error.value)) < 200


SOURCE = """
model = dict(type='A', layers=[dict(size=1), dict(size=2)], pair=(1, 2), norm=dict(type='BN', eps=1e-5))
lr = 0.1
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


def test_options_reach_into_dicts_lists_and_tuples(config: Path) -> None:
    options = [
        "model.layers.1.size=7",
        "model.pair.0=9",
        "model.norm._delete_=True",
        "model.norm.type=GN",
        "lr=1e-3",
        "new.a.b=x",
    ]
    values = load_config(config, options)
    assert values.to_dict() == {
        "model": {"type": "A", "layers": [{"size": 1}, {"size": 7}], "pair": (9, 2), "norm": {"type": "GN"}},
        "lr": 1e-3,
        "new": {"a": {"b": "x"}},
    }
    assert load_config(config).model.layers[1].size == 2


def test_a_mapping_is_taken_as_it_is(config: Path) -> None:
    values = load_config(config, {"model.norm": dict(eps=1), "model.layers": []})
    assert values.model.norm == dict(type="BN", eps=1)
    assert values.model.layers == []


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("lr.a=1", "lr is 0.1, and has no a: give it a new value, or lr._delete_=True"),
        ("model.layers.5.size=1", "model.layers has 2 items: there is no model.layers.5"),
        ("model.layers.last=1", "model.layers is a list: name an item of it by number"),
        ("model.pair.0.x=1", "model.pair.0 is 1, and has no x"),
        ("model..x=1", "not a key"),
        ("0.x=1", "does not begin with a name"),
        (".".join(["a"] * 200) + "=1", "more than 100 parts"),
    ],
)
def test_keys_that_fit_nowhere_are_one_sentence(config: Path, option: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(config, [option])
    assert sentence in str(error.value)
    assert str(error.value).startswith("--cfg-options: ")


def test_a_value_and_its_parts_cannot_both_be_given() -> None:
    with pytest.raises(ConfigError, match="cannot both be given"):
        nested({"a": 1, "a.b": 2})


def test_origin_names_the_option(config: Path) -> None:
    values = load_config(config, ["model.norm.eps=1"])
    assert values.model.norm.origin_of("eps") == ("--cfg-options", None)
    assert values.model.norm.origin_of("type")[1] == 2
