from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from selfscope.errors import DataError
from selfscope.store.cache import (
    cache_folder,
    digest_of,
    digest_of_file,
    features_folder,
    kept_features,
    remove,
    size_in_words,
)


def test_equal_values_have_one_folder_and_others_another() -> None:
    one = features_folder({"a": 1, "b": [1, 2]})
    assert one == features_folder({"b": [1, 2], "a": 1})
    assert one.parent == cache_folder() / "features"
    others = [{"a": 1, "b": [2, 1]}, {"a": "1", "b": [1, 2]}, {"a": 1}, {"a": 1, "b": [1, 2], "c": None}]
    assert len({one, *map(features_folder, others)}) == 5
    assert digest_of("ä\udcff") != digest_of("a")


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 9000
    (tmp_path / "w.pth").write_bytes(content)
    assert digest_of_file(tmp_path / "w.pth") == hashlib.blake2b(content).hexdigest()
    with pytest.raises(DataError, match=r"gone\.pth: cannot be read"):
        digest_of_file(tmp_path / "gone.pth")


def test_what_is_kept_is_counted_and_removed() -> None:
    assert list(kept_features()) == []
    folder = features_folder({"a": 1})
    (folder / "shards").mkdir(parents=True)
    (folder / "shards" / "0.npz").write_bytes(b"12345")
    (folder / "features.json").write_bytes(b"123")
    (kept,) = kept_features()
    assert (kept.folder, kept.size) == (folder, 8)
    remove(folder)
    remove(folder)
    assert list(kept_features()) == []


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (999, "999 B"), (51_200, "51.2 kB"), (8.19e9, "8.19 GB"), (2e12, "2 TB")]
)
def test_sizes(size: float, words: str) -> None:
    assert size_in_words(size) == words


def test_a_file_that_goes_while_the_cache_is_listed_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setenv("SELFSCOPE_CACHE", str(tmp_path))
    folder = tmp_path / "features" / "abc"
    folder.mkdir(parents=True)
    (folder / "a.npy").write_bytes(b"12345")
    listed = Path.rglob
    monkeypatch.setattr(Path, "rglob", lambda self, pattern: [*listed(self, pattern), self / ".a.npy.1-2.tmp"])
    (found,) = kept_features()
    assert (found.folder, found.size) == (folder, 5)
