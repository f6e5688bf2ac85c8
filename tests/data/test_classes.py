from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from selfscope.data.classes import annotated_classes, check_count, folder_classes, given_classes
from selfscope.errors import ConfigError, DataError


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["n02691156_airplane", "n04371430_swimming_trunks"], ("airplane", "swimming trunks")),
        (["n01440764", "n01443537"], ("tench", "goldfish")),
        (["n02012849", "n03126707"], ("crane (n02012849)", "crane (n03126707)")),
        (["n03710637", "n03710721"], ("maillot", "maillot, tank suit")),
        (["n00000000", "cat"], ("n00000000", "cat")),
        (["n02691156_crane", "n02691157_crane"], ("n02691156_crane", "n02691157_crane")),
        (["Ärger mit Leerzeichen", "n1_x"], ("Ärger mit Leerzeichen", "n1_x")),
    ],
)
def test_folders_become_readable_and_stay_unique(folders: list[str], names: tuple[str, ...]) -> None:
    assert folder_classes(folders) == names


@pytest.mark.parametrize(
    ("names", "labels", "classes"),
    [
        (["cat/1.jpg", "dog/1.jpg", "cat/2.jpg"], [0, 1, 0], ("cat", "dog")),
        (["val/n02691156_airplane/1.jpg", "val/n02206856_bee/2.jpg"], [1, 0], ("bee", "airplane")),
        (["x/a/1.jpg", "y/a/1.jpg"], [0, 1], ("x/a", "y/a")),
        (["cat/1.jpg", "dog/1.jpg"], [3, 1], ("0", "dog", "2", "cat")),
        (["cat/1.jpg", "dog/1.jpg"], [-1, 0], ("dog",)),
        (["cat/1.jpg", "dog/1.jpg"], [0, 0], None),
        (["cat/1.jpg", "cat/2.jpg"], [0, 1], None),
        (["1.jpg", "2.jpg"], [0, 1], None),
        (["1.jpg", "2.jpg"], [-1, -1], None),
    ],
)
def test_folders_in_annotations_name_labels_one_to_one(
    names: list[str], labels: list[int], classes: tuple[str, ...] | None
) -> None:
    assert annotated_classes(names, np.array(labels)) == classes


def test_the_challenges_validation_files_have_its_names() -> None:
    names = [f"ILSVRC2012_val_{i:08d}.JPEG" for i in range(1, 4)]
    classes = annotated_classes(names, np.array([65, 970, 0]))
    assert classes is not None
    assert len(set(classes)) == len(classes) == 1000
    assert classes[0] == "tench"
    assert annotated_classes([*names, "mine.jpg"], np.array([65, 970, 0, 1])) is None


def test_given_names(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("cat\n\nsea lion\n", encoding="utf-8")
    assert given_classes(str(tmp_path / "names.txt"), None) == ("cat", "sea lion")
    assert given_classes(None, {"classes": ["a", "b"]}) == ("a", "b")
    assert given_classes(["c"], {"classes": ["a", "b"]}) == ("a", "b")
    assert given_classes(None, {"task": "x"}) is None


def test_names_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    with pytest.raises(DataError, match=r"none\.txt: no such file of class names"):
        given_classes(str(tmp_path / "none.txt"), None)
    with pytest.raises(DataError, match="is empty"):
        given_classes(str(tmp_path / "empty.txt"), None)
    with pytest.raises(ConfigError, match="classes=3"):
        given_classes(3, None)
    with pytest.raises(DataError, match="label 2 has no name, there are 2"):
        check_count(("a", "b"), np.array([0, 2]), "a.txt")
