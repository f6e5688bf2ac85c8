"""Configs in the hand: attribute access, copies, and the hint when a name is wrong."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from selfscope.config.reader import Config, ConfigDict, load_config

SOURCE = """
model = dict(
    type='MAE',
    backbone=dict(depth=50, items=3),
    heads=[dict(size=1), (dict(size=2),)])
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "config.py"
    path.write_text(SOURCE, encoding="utf-8")
    return load_config(path)


def test_keys_are_attributes(config: Config) -> None:
    assert config.model.backbone.depth == config["model"]["backbone"]["depth"] == 50
    assert config.model.heads[1][0].size == 2
    assert config.model.get("neck") is None
    assert config.model.get("neck", 1) == 1
    assert "neck" not in config.model
    assert not hasattr(config.model, "neck")
    assert {"depth", "items", "origin"} <= set(dir(config.model.backbone))


def test_a_wrong_attribute_says_which_is_near_and_where(config: Config) -> None:
    with pytest.raises(AttributeError, match=r"config.py:2 has no 'backbones'. Did you mean 'backbone'\?"):
        config.model.backbones  # noqa: B018
    with pytest.raises(AttributeError, match="Did you mean 'depth'"):
        del config.model.backbone.dept
    with pytest.raises(KeyError):
        config["models"]


def test_names_of_methods_stay_methods(config: Config) -> None:
    assert config.model.backbone["items"] == 3
    assert list(config.model.backbone.items()) == [("depth", 50), ("items", 3)]


def test_what_is_put_in_becomes_a_config_dict(config: Config) -> None:
    config.model.neck = {"layers": [{"size": 3}, ({"size": 4},)]}
    config.model.setdefault("more", {"a": {"b": 1}})
    config["extra"] = dict(x=dict(y=1))
    assert config.model.neck.layers[1][0].size == 4
    assert config.model.more.a.b == config.extra.x.y == 1
    del config.model.neck
    assert "neck" not in config.model


def test_update_merges_as_mmengine_s_does(config: Config) -> None:
    config.update({"model": {"backbone": {"depth": 18}}}, lr=1)
    assert config.model.backbone == {"depth": 18, "items": 3}
    assert config.lr == 1


def test_union_replaces_and_leaves_both_alone(config: Config) -> None:
    both = config | {"model": {"type": "B"}}
    assert isinstance(both, Config)
    assert both.model == {"type": "B"}
    assert config.model.type == "MAE"


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda config: pickle.loads(pickle.dumps(config))])
def test_deep_copies_keep_type_value_and_origin(config: Config, clone: object) -> None:
    other = clone(config)  # type: ignore[operator]
    assert (type(other), other.file, other) == (Config, config.file, config)
    assert isinstance(other.model.heads[1][0], ConfigDict)
    assert other.model.backbone.origin == config.model.backbone.origin == (config.file, 4)
    assert other.model.origin_of("heads") == (config.file, 5)
    other.model.backbone.depth = 1
    assert config.model.backbone.depth == 50


@pytest.mark.parametrize("clone", [copy.copy, Config.copy, Config])
def test_shallow_copies_share_their_values(config: Config, clone: object) -> None:
    other = clone(config)  # type: ignore[operator]
    assert isinstance(other, Config)
    assert other.file == config.file
    assert other.model is config.model
    other.x = 1
    assert "x" not in config


def test_an_entry_that_was_set_later_has_the_dict_s_origin(config: Config) -> None:
    config.model.type = "B"
    assert config.model.origin_of("type") == config.model.origin
    assert ConfigDict(a=1).origin == (None, None)


def test_to_dict_is_plain_all_the_way_down(config: Config) -> None:
    plain = config.to_dict()
    assert type(plain) is type(plain["model"]) is type(plain["model"]["heads"][1][0]) is dict
    assert plain == config


def test_the_reader_is_light() -> None:
    heavy = "{'torch', 'numpy', 'inspect', 'importlib.metadata'} & set(sys.modules)"
    code = f"import sys, selfscope.config.reader; print({heavy})"
    assert (
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
        == "set()"
    )
