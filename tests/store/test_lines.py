from __future__ import annotations

import json
import math
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfscope.errors import RunError
from selfscope.store.lines import LineFile, json_line, number_of, parse_lines, plain, read_lines, scalar_line


def test_lines_wait_until_flush_and_offsets_count_them(tmp_path):
    file = LineFile(tmp_path / "deep" / "a.jsonl")
    assert [file.append(b"{}"), file.append(b'{"a":1}'), file.end] == [0, 3, 11]
    assert (tmp_path / "deep" / "a.jsonl").read_bytes() == b""
    file.flush()
    assert (tmp_path / "deep" / "a.jsonl").read_bytes() == b'{}\n{"a":1}\n'
    file.close()


def test_a_torn_last_line_is_kept_apart_when_the_file_is_continued(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a":1}\n{"a":')
    lines, torn = read_lines(path)
    assert (lines, torn) == ([b'{"a":1}'], True)
    file = LineFile(path)
    file.append(b'{"a":2}')
    file.close()
    lines, torn = read_lines(path)
    objects, broken = parse_lines(lines)
    assert (objects, broken, torn) == ([{"a": 1}, {"a": 2}], 1, False)


def test_one_broken_line_costs_no_other_of_its_chunk():
    lines = [json_line({"i": i}) for i in range(10_000)]
    lines[5000] = b"\xff\xfe garbage"
    lines[5001] = b"[1, 2]"
    objects, broken = parse_lines(lines)
    assert [line["i"] for line in objects] == [i for i in range(10_000) if i not in (5000, 5001)]
    assert broken == 2


def test_what_is_not_a_number_is_strict_json():
    line = scalar_line({"a": math.nan, "b": math.inf, "c": -math.inf, "d/ü x": 1.5}, 3, 12.5)
    assert json.loads(line) == {"step": 3, "_t": 12.5, "a": "NaN", "b": "Infinity", "c": "-Infinity", "d/ü x": 1.5}
    assert math.isnan(number_of("NaN"))
    assert [number_of(v) for v in ("Infinity", "-Infinity", "x", 3)] == [math.inf, -math.inf, "x", 3]


def test_values_that_json_does_not_know_become_plain():
    given_values = {
        "array": np.arange(3),
        "half": np.float16(0.5),
        "flag": np.bool_(True),
        "big": 2**70,
        "path": type("P", (), {"__str__": lambda self: "here"})(),
        "nested": ({"x": math.nan}, range(2)),
        3: "key",
        "lone\ud800": 1,
    }
    assert json.loads(json_line(given_values)) == {
        "array": [0, 1, 2],
        "half": 0.5,
        "flag": True,
        "big": float(2**70),
        "path": "here",
        "nested": [{"x": "NaN"}, [0, 1]],
        "3": "key",
        "lone?": 1,
    }


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=8))
def test_plain_values_are_always_strict_json(value):
    json.loads(json.dumps(plain(value), allow_nan=False))


def test_a_file_that_cannot_be_opened_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"cannot be written: (Not a directory|File exists)"):
        LineFile(tmp_path / "file" / "a.jsonl")


def test_the_end_of_a_file_is_the_same_at_every_moment_of_a_flush(tmp_path):
    file, seen = LineFile(tmp_path / "a.jsonl"), []

    class Watched(bytearray):
        def __delitem__(self, place):
            seen.append(file.end)
            super().__delitem__(place)
            seen.append(file.end)

    file._waiting = Watched()
    file.append(b'{"a":1}')
    file.flush()
    assert seen == [8, 8]


def test_a_torn_line_is_never_completed_by_the_next():
    assert parse_lines([b'{"step":1', b'"loss":2}', b'{"step":5}']) == ([{"step": 5}], 2)
    assert parse_lines([b'{"step":3},{"step":4}', b'{"step":5}']) == ([{"step": 5}], 1)


def test_integers_beyond_every_float_are_kept_as_text(tmp_path):
    assert plain(2**4000) == hex(2**4000)
    assert plain(-(2**4000)) == hex(-(2**4000))
    assert json.loads(scalar_line({"a": 2**70}, 0, 0.0))["a"] == float(2**70)


def test_a_disk_that_fails_at_the_very_end_keeps_no_file_open(tmp_path, monkeypatch):
    file = LineFile(tmp_path / "a.jsonl")
    opened = file._descriptor

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        file.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened)
