from __future__ import annotations

import os
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfscope.data.keys import Keys, safe


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (["cat/1.jpg", "dog/1.jpg"], ["cat/1", "dog/1"]),
        (["a/1.jpg", "a/1.png", "a/2.jpg"], ["a/1.jpg", "a/1.png", "a/2"]),
        (["a/1.jpg", "b/1.jpg", "a/1.jpg", "a/1.jpg"], ["a/1.jpg", "b/1", "a/1.jpg~2", "a/1.jpg~3"]),
        (["1.jpg", "1.png", "1.jpg.png", "1.png~2.x"], ["1.jpg~2", "1.png", "1.jpg", "1.png~2"]),
        (["a", "a", "b"], ["a", "a~2", "b"]),
        (["my photo.v2.jpg", "ü/图 1.png", "no suffix"], ["my photo.v2", "ü/图 1", "no suffix"]),
        (["..", "./", "a.jpg"], ["_", "_~2", "a"]),
        ([".."], ["_"]),
        (["/data/a.jpg", "../up/b.jpg", "c\\d.jpg"], ["data/a", "up/b", "c/d"]),
    ],
)
def test_keys(names: list[str], keys: list[str]) -> None:
    assert list(Keys(names)) == keys


@settings(max_examples=400)
@given(st.lists(st.text("a/.~2_", max_size=6), max_size=30))
def test_keys_are_unique_and_stay_below_their_folder(names: list[str]) -> None:
    keys = list(Keys(names))
    assert len(set(keys)) == len(keys)
    for key in keys:
        assert key
        assert not key.startswith("/")
        assert ".." not in PurePosixPath(key).parts


def test_bytes_that_are_no_utf8() -> None:
    assert safe(os.fsdecode(b"\xe9t\xe9.jpg")) == "\N{REPLACEMENT CHARACTER}t\N{REPLACEMENT CHARACTER}.jpg"
