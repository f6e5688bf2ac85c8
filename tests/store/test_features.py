from __future__ import annotations

import os
import shutil

import numpy as np
import pytest

from selfscope.errors import RecordError, RunError
from selfscope.store.features import FeatureSink, keep_features


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
@pytest.mark.parametrize("sizes", [[4, 4, 1], [1], [100, 0, 37]])
def test_batches_become_the_file_that_numpy_would_save(tmp_path, dtype, sizes):
    rng = np.random.default_rng(0)
    batches = [rng.normal(size=(n, 5)).astype(dtype) for n in sizes]
    with FeatureSink(tmp_path / "deep") as sink:
        for batch in batches:
            sink.append({"feat_3": batch, "feat_neck": batch[:, ::2]})
    whole = np.concatenate(batches)
    np.save(tmp_path / "expected.npy", whole)
    assert (tmp_path / "deep/feat_3.npy").read_bytes() == (tmp_path / "expected.npy").read_bytes()
    np.testing.assert_array_equal(np.load(tmp_path / "deep/feat_neck.npy"), whole[:, ::2])


def test_close_gives_mapped_arrays(tmp_path):
    sink = FeatureSink(tmp_path)
    sink.append({"a": np.ones((3, 2), np.float32)})
    arrays = sink.close()
    assert isinstance(arrays["a"], np.memmap)
    assert arrays["a"].shape == (3, 2)
    assert sink.close() == {}


def test_a_block_that_raises_leaves_no_finished_file(tmp_path):
    sink = FeatureSink(tmp_path)
    sink.append({"a": np.ones((3, 2), np.float32)})
    with pytest.raises(ZeroDivisionError), sink:
        raise ZeroDivisionError
    assert [p.name for p in tmp_path.iterdir()] == ["a.npy.partial"]


@pytest.mark.parametrize(
    ("batch", "sentence"),
    [
        ({"b": np.ones((1, 2), np.float32)}, r"expected the stages \['a'\], got \['b'\]"),
        ({"a": np.ones((1, 3), np.float32)}, r"a: expected \(n, 2\) float32 features, got \(1, 3\) float32"),
        ({"a": np.ones((1, 2))}, r"a: expected \(n, 2\) float32 features, got \(1, 2\) float64"),
        ({"a": np.ones(2, np.float32)}, r"a: expected \(n, 2\) float32 features, got \(2,\) float32"),
    ],
)
def test_batches_that_do_not_fit_are_refused(tmp_path, batch, sentence):
    with FeatureSink(tmp_path) as sink:
        sink.append({"a": np.ones((3, 2), np.float32)})
        with pytest.raises(RecordError, match=sentence):
            sink.append(batch)


def test_stages_whose_names_differ_by_a_slash_only_stay_apart(tmp_path):
    with FeatureSink(tmp_path) as sink:
        sink.append({"a/b": np.ones((2, 3), np.float32), "a_b": np.zeros((2, 3), np.float32)})
    np.testing.assert_array_equal(np.load(sink.path("a/b")), np.ones((2, 3)))
    np.testing.assert_array_equal(np.load(sink.path("a_b")), np.zeros((2, 3)))


def test_a_disk_that_fails_at_the_end_is_one_sentence_and_no_finished_file(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    sink = FeatureSink(tmp_path)
    sink.append({"a": np.ones((3, 2), np.float32)})
    opened = sink._files["a"]
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=r"features cannot be written: No space left on device"):
        sink.close()
    assert opened.closed
    assert [p.name for p in tmp_path.iterdir()] == ["a.npy.partial"]


def test_features_that_cannot_be_linked_are_copied_whole_or_not_at_all(tmp_path, monkeypatch):
    np.save(tmp_path / "cache.npy", np.arange(6, dtype=np.float32).reshape(3, 2))
    mapped = np.load(tmp_path / "cache.npy", mmap_mode="r")

    def refuse(*paths):
        raise OSError(1, "Operation not permitted")

    def half(source, target):
        with open(target, "wb") as file:
            file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", refuse)
    with monkeypatch.context() as broken:
        broken.setattr(shutil, "copyfile", half)
        with pytest.raises(OSError, match="No space left"):
            keep_features(mapped, tmp_path / "run" / "feat_0.npy")
    assert not (tmp_path / "run" / "feat_0.npy").exists()
    keep_features(mapped, tmp_path / "run" / "feat_0.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "run" / "feat_0.npy"), mapped)
