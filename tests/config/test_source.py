"""`Config.source()`: Python that evaluates back to an equal value, and that a person likes to read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfscope.config.reader import Config, load_config
from selfscope.errors import ConfigError

TRICKY = st.sampled_from(
    [
        "",
        "it's",
        '"',
        "'\"",
        "a\nb",
        "\\",
        "{{ fileDirname }}",
        "{{_base_.x}}",
        "{{$HOME:x}}",
        "{{{fileBasename}}}",
        "\0",
        "\ud800",
    ]
)
TEXT = st.text(max_size=12) | TRICKY
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | TEXT
    | st.binary(max_size=8)
    | st.builds(range, st.integers(-9, 9), st.integers(-9, 9))
)
KEYS = (
    TEXT
    | st.integers(-(2**59), 2**59)
    | st.none()
    | st.tuples(st.integers(0, 9), TEXT)
    | st.sampled_from(["class", "lr", "type"])
)
SETS = st.sets(st.integers(0, 99) | TEXT, max_size=4)
VALUES = st.recursive(
    LEAVES | SETS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["model", "lr", "dict", "float", "set", "range", "_x", "größe", "train_pipeline_with_a_long_name"]
)


def alike(a: Any, b: Any) -> bool:
    """Equal in value, type and order, where not-a-number equals itself."""
    if isinstance(a, dict) and isinstance(b, dict):
        return list(map(repr, a)) == list(map(repr, b)) and all(map(alike, a.values(), b.values()))
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, float) and math.isnan(a):
        return isinstance(b, float) and math.isnan(b)
    return type(a) is type(b) and a == b and repr(a).count("-0.0") == repr(b).count("-0.0")


@settings(max_examples=100, deadline=None)
@given(values=st.dictionaries(NAMES, VALUES, max_size=5))
def test_round_trip(values: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "dumped.py"
    path.write_text(Config(values).source(), encoding="utf-8")
    assert alike(Config(values).to_dict(), load_config(path).to_dict())


def test_it_reads_well() -> None:
    config = Config(
        model=dict(
            type="MAE",
            backbone=dict(type="MAEViT", arch="b", patch_size=16, mask_ratio=0.75, out_indices=(3,)),
            neck=None,
        ),
        train_pipeline=[dict(type="Load"), dict(type="Crop", size=224)],
        rates={"layer.0": 1e-4, "class": float("inf")},
        text='say "hi"\n',
        empty=[[], (), {}, set()],
    )
    assert config.source() == (
        "model = dict(\n"
        '    type="MAE",\n'
        '    backbone=dict(type="MAEViT", arch="b", patch_size=16, mask_ratio=0.75, out_indices=(3,)),\n'
        "    neck=None,\n"
        ")\n"
        'train_pipeline = [dict(type="Load"), dict(type="Crop", size=224)]\n'
        'rates = {"layer.0": 0.0001, "class": float("inf")}\n'
        "text = 'say \"hi\"\\n'\n"
        "empty = [[], (), dict(), set()]\n"
    )


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"a b": 1}, "'a b' cannot be a top-level name"),
        ({"lambda": 1}, "'lambda' cannot be a top-level name"),
        ({"__x": 1}, "'__x' cannot be a top-level name"),
        ({"_base_": "x.py"}, "'_base_' cannot be a top-level name"),
        ({"a": {"b": [1, {"c": object()}]}}, "a.b[1].c is an object, which a config file cannot hold"),
        ({"a": {1: {2: Path("x")}}}, "a[1][2] is a "),
    ],
)
def test_what_a_file_cannot_hold_is_one_sentence(values: dict[Any, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        Config(values).source()
    assert sentence in str(error.value)


def test_subclasses_of_numbers_are_written_as_numbers(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    path = tmp_path / "c.py"
    path.write_text(Config(a=numpy.float64(0.5)).source(), encoding="utf-8")
    assert load_config(path) == {"a": 0.5}
