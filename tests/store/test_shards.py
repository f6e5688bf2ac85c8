"""Features in a folder: joined as one array, carried on, and refused when they are not what was written."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from selfscope.errors import RunError
from selfscope.store.features import keep_features, mapped_file
from selfscope.store.shards import FeatureFolder, MemoryShards, Shard

IDENTITY = {"model": "one", "items": 7}
PLAN = {"batch_size": 2, "shard": 4}


def shard(number: int, rows: int = 4) -> Shard:
    rng = np.random.default_rng(number)
    arrays = {name: rng.normal(size=(rows, d)).astype(np.float32) for name, d in (("feat_3", 5), ("feat_neck", 2))}
    return Shard(arrays, [(10 * number, "torn")] if number else (), ["pooled"])


@pytest.fixture
def written(tmp_path: Path) -> FeatureFolder:
    folder = FeatureFolder(tmp_path / "F", IDENTITY)
    folder.begin(PLAN)
    for number in (2, 0, 1):
        folder.write(number, shard(number))
    return folder


def test_shards_written_in_any_order_become_what_numpy_would_save(written: FeatureFolder, tmp_path: Path) -> None:
    stored = written.finish(3, {"settings": {"stage": "backbone"}})
    for name in ("feat_3", "feat_neck"):
        np.save(tmp_path / "wanted.npy", np.concatenate([shard(n).arrays[name] for n in range(3)]))
        assert (written.folder / f"{name}.npy").read_bytes() == (tmp_path / "wanted.npy").read_bytes()
        assert isinstance(stored.arrays[name], np.memmap)
    assert stored.skipped == ((10, "torn"), (20, "torn"))
    assert stored.notes == ("pooled",)
    assert stored.facts == {"settings": {"stage": "backbone"}}
    assert sorted(p.name for p in written.folder.iterdir()) == ["feat_3.npy", "feat_neck.npy", "features.json"]


def test_memory_and_folder_give_the_same(written: FeatureFolder) -> None:
    memory = MemoryShards()
    for number in (2, 0, 1):
        memory.write(number, shard(number))
    one, other = memory.finish(3, {}), written.finish(3, {})
    np.testing.assert_array_equal(one.arrays["feat_3"], other.arrays["feat_3"])
    assert (one.skipped, one.notes) == (other.skipped, other.notes)


def test_what_was_begun_is_known_to_the_same_identity_only(written: FeatureFolder) -> None:
    assert FeatureFolder(written.folder, IDENTITY).begun() == PLAN
    assert FeatureFolder(written.folder, IDENTITY).missing(5) == [3, 4]
    assert FeatureFolder(written.folder, {**IDENTITY, "items": 8}).begun() is None
    assert written.read() is None
    other = FeatureFolder(written.folder, {**IDENTITY, "items": 8})
    other.begin(PLAN)
    assert other.missing(3) == [0, 1, 2]


@pytest.mark.parametrize("damage", ["cut", "bytes", "empty"])
def test_a_damaged_shard_is_made_again(written: FeatureFolder, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    path = written.folder / "shards" / "000001.npz"
    content = bytearray(path.read_bytes())
    if damage == "bytes":
        middle = content.index(shard(1).arrays["feat_3"].tobytes()[:16])
        content[middle] ^= 1
    path.write_bytes({"cut": content[:-40], "bytes": content, "empty": b""}[damage])
    assert written.missing(3) == [1]
    assert "is damaged; it is made again" in caplog.text


@pytest.mark.parametrize("damage", ["one bit", "cut", "gone"])
def test_damaged_features_are_refused(written: FeatureFolder, damage: str) -> None:
    written.finish(3, {})
    path = written.folder / "feat_3.npy"
    content = bytearray(path.read_bytes())
    content[-3] ^= 4
    path.unlink() if damage == "gone" else path.write_bytes(content[:-8] if damage == "cut" else content)
    with pytest.raises(RunError, match=r"feat_3\.npy: features feat_3 (are not what was written|cannot be read)"):
        written.read()


def test_features_of_another_are_refused(written: FeatureFolder) -> None:
    written.finish(3, {})
    with pytest.raises(RunError, match="another model, data or version"):
        FeatureFolder(written.folder, {"model": "two"}).read()
    (written.folder / "features.json").write_text("{half", encoding="utf-8")
    with pytest.raises(RunError, match="another model, data or version"):
        written.read()


def test_nothing_that_could_be_read_leaves_nothing(tmp_path: Path) -> None:
    folder = FeatureFolder(tmp_path / "F", IDENTITY)
    folder.begin(PLAN)
    folder.write(0, Shard({}, [(0, "torn"), (1, "torn")]))
    stored = folder.finish(1, {})
    assert stored.arrays == {}
    assert len(stored.skipped) == 2
    assert not folder.folder.exists()


def test_a_missing_shard_names_the_folder(written: FeatureFolder) -> None:
    with pytest.raises(RunError, match=r"000003\.npz: is not there; processes of one job need one folder"):
        written.finish(4, {})


def test_features_take_their_place_once(written: FeatureFolder, tmp_path: Path) -> None:
    array = written.finish(3, {}).arrays["feat_3"]
    keep_features(array, tmp_path / "run" / "feat_3.npy")
    keep_features(array, tmp_path / "run" / "feat_3.npy")
    assert os.path.samefile(tmp_path / "run" / "feat_3.npy", written.folder / "feat_3.npy")
    keep_features(np.load(written.folder / "feat_3.npy"), tmp_path / "run" / "copy.npy")
    assert not os.path.samefile(tmp_path / "run" / "copy.npy", written.folder / "feat_3.npy")
    assert (tmp_path / "run" / "copy.npy").read_bytes() == (written.folder / "feat_3.npy").read_bytes()


def test_a_part_of_a_file_is_not_the_file(written: FeatureFolder, tmp_path: Path) -> None:
    array = written.finish(3, {}).arrays["feat_3"]
    assert mapped_file(array) == written.folder / "feat_3.npy"
    for part in (array[1:], array[:, :2], array[::-1], array.astype(np.float64), array + 1, np.array(array)):
        assert mapped_file(part) is None
    keep_features(array[1:], tmp_path / "part.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "part.npy"), array[1:])
