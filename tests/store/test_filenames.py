from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from selfscope.store.filenames import MAX_PART_BYTES, FreePaths, flat_name, safe_name


@pytest.mark.parametrize("name", ["loss", "val/recon", "a b/ü", "日本語", "a.b-c_d(1)", "épreuve n°1"])
def test_ordinary_names_stay_as_they_are(name):
    assert safe_name(name) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [("/etc/passwd", "etc/passwd"), ("a//b", "a/b"), ("./a/.", "a"), ("a\\b", "a/b"), ("", "_"), ("/", "_")],
)
def test_paths_are_made_relative(name, expected):
    assert safe_name(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "../../x",
        "..",
        "a\0b",
        "con",
        "NUL.txt",
        "lpt1",
        "a:b",
        "a?b",
        "x" * 500,
        "ü" * 200,
        "dot.",
        "space ",
        "\ud800x",
    ],
)
def test_bad_names_become_safe_and_keep_apart(name):
    safe = safe_name(name)
    parts = PurePosixPath(safe).parts
    assert ".." not in parts
    assert not safe.startswith("/")
    assert "~" in safe
    assert all(len(part.encode()) <= MAX_PART_BYTES + 8 for part in parts)
    assert not any(ord(c) < 32 or c in '<>:"|?*' for c in safe)
    assert safe == safe_name(name)


def test_different_bad_names_stay_different():
    names = ["a:b", "a?b", "a*b", "x" * 300, "x" * 301, "..", "__", "con", "_con"]
    assert len({safe_name(name) for name in names}) == len(names)


def test_the_same_stem_again_gets_a_number(tmp_path):
    free = FreePaths()
    for expected in ("a_1", "a_1-1", "a_1-2"):
        stem = free.take(tmp_path / "a_1", ".png", ".svg")
        assert stem.name == expected
        (tmp_path / f"{expected}.svg").touch()
    assert FreePaths().take(tmp_path / "a_1", ".png", ".svg").name == "a_1-3"


def test_flat_names_are_one_part_each_and_never_become_one():
    given = ["a/b", "a_b", "a//b/", "a/b/c", "a_b/c", "a/b_c", "x" * 300, "x/" * 200, "../a", "feat_0"]
    flat = [flat_name(name) for name in given]
    assert len(set(flat)) == len(given)
    assert not any("/" in name or len(name.encode()) > MAX_PART_BYTES for name in flat)
    assert [flat_name(name) for name in flat] == flat
    assert flat_name("feat_0") == "feat_0"
