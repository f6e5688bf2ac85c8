from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfscope.data.listing import (
    Entry,
    Listing,
    Names,
    class_folders,
    read_annotations,
    read_json_annotations,
    scan,
)
from selfscope.errors import DataError

Save = Callable[..., Path]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"))))
def test_names_are_a_list_of_strings(names: list[str]) -> None:
    table = Names(names)
    assert list(table) == names
    assert [table[i] for i in range(len(table))] == names
    assert [table[i] for i in range(-len(names), 0)] == names
    assert table[1:] == names[1:]
    assert list(pickle.loads(pickle.dumps(table))) == names


def test_a_million_names_are_small() -> None:
    table = Names(f"n{i % 1000:08d}/n{i % 1000:08d}_{i}.JPEG" for i in range(100_000))
    assert len(pickle.dumps(table)) < 100_000 * 45
    assert table[99_999] == "n00000999/n00000999_99999.JPEG"


def test_names_that_are_no_utf8_survive() -> None:
    name = os.fsdecode(b"\xe9t\xe9/\xff.jpg")
    assert Names([name])[0] == name


def test_scan_finds_pictures_in_order(save: Save, tmp_path: Path) -> None:
    for name in ("b/2.jpg", "b/10.JPG", "a b/ü 图.png", "top.webp", "b/deep/er/x.tif", ".hidden/x.jpg", "b/._2.jpg"):
        save(name) if not name.endswith("JPG") else save("b/10.jpg").rename(tmp_path / name)
    (tmp_path / "b" / "notes.txt").write_text("no picture")
    assert scan(str(tmp_path)) == ["a b/ü 图.png", "b/10.JPG", "b/2.jpg", "b/deep/er/x.tif", "top.webp"]
    assert scan(str(tmp_path), [".PNG"]) == ["a b/ü 图.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_are_followed_but_not_in_circles(save: Save, tmp_path: Path) -> None:
    save("root/a/1.jpg")
    save("elsewhere/2.jpg")
    save("rooted/3.jpg")
    (tmp_path / "root" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root" / "sibling").symlink_to(tmp_path / "rooted")
    (tmp_path / "root" / "a" / "up").symlink_to(tmp_path / "root")
    (tmp_path / "elsewhere" / "self").symlink_to(tmp_path / "elsewhere")
    assert scan(str(tmp_path / "root")) == ["a/1.jpg", "link/2.jpg", "sibling/3.jpg"]


def test_class_folders_count_empty_ones(save: Save, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save("b/1.jpg")
    save("b/x/2.jpg")
    save("d/1.jpg")
    (tmp_path / "a").mkdir()
    names, labels, folders = class_folders(str(tmp_path))
    assert list(names) == ["b/1.jpg", "b/x/2.jpg", "d/1.jpg"]
    assert labels.tolist() == [1, 1, 2]
    assert folders == ("a", "b", "d")
    assert "no picture in 1 of 3 class folders: a" in caplog.text


@pytest.mark.parametrize(
    ("text", "names", "labels"),
    [
        ("a/1.jpg 0\nb/2.jpg 12\n", ["a/1.jpg", "b/2.jpg"], [0, 12]),
        ("a b/my photo 3.jpg 0\nc/x.jpg\t5\n", ["a b/my photo 3.jpg", "c/x.jpg"], [0, 5]),
        ("\ufeffa.jpg 3\r\n\r\n  b.jpg   4  \r\n", ["a.jpg", "b.jpg"], [3, 4]),
        ("ü/图.jpg 1", ["ü/图.jpg"], [1]),
        ("a.jpg\nmy photo.jpg\n", ["a.jpg", "my photo.jpg"], None),
        ("a.jpg -1\nb.jpg 0\n", ["a.jpg", "b.jpg"], [-1, 0]),
    ],
)
def test_annotation_files(tmp_path: Path, text: str, names: list[str], labels: list[int] | None) -> None:
    (tmp_path / "a.txt").write_text(text, encoding="utf-8", newline="")
    found, values = read_annotations(str(tmp_path / "a.txt"))
    assert list(found) == names
    assert (None if values is None else values.tolist()) == labels


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("a.jpg 0\nb.jpg\n", r":2: 'b.jpg' has no label, unlike"),
        ("a.jpg\nb.jpg 1\n", r":2: 'b.jpg 1' has a label, unlike"),
    ],
)
def test_annotation_files_that_say_nothing_or_both(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(DataError, match=words):
        read_annotations(str(tmp_path / "a.txt"))


def test_missing_annotation_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such annotation file"):
        read_annotations(str(tmp_path / "a.txt"))
    with pytest.raises(DataError, match="cannot be read"):
        read_annotations(str(tmp_path))


def test_json_annotations(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    items = [{"img_path": "a.jpg", "gt_label": 1}, {"img_path": "ü.jpg", "gt_label": 0}]
    path.write_text(json.dumps({"metainfo": {"classes": ["x", "y"]}, "data_list": items}))
    names, labels, classes = read_json_annotations(str(path))
    assert (list(names), classes) == (["a.jpg", "ü.jpg"], ["x", "y"])
    assert labels is not None
    assert labels.tolist() == [1, 0]
    path.write_text(json.dumps({"data_list": [{"img_path": "a.jpg"}]}))
    assert read_json_annotations(str(path))[1:] == (None, None)


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"data_list": [{"path": 1}]}', '{"data_list": [{"img_path": "a", "gt_label": [1]}]}']
)
def test_json_of_another_kind(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match="'data_list' of 'img_path'"):
        read_json_annotations(str(tmp_path / "a.json"))


@pytest.mark.parametrize(("folders", "warned"), [(("train", "val"), True), (("train", "valley"), False)])
def test_parts_are_no_classes(
    folders: tuple[str, str], warned: bool, save: Save, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for folder in folders:
        save(f"{folder}/cat/1.png")
    assert class_folders(str(tmp_path))[2] == folders
    sentence = "train, val look like parts of a data set and are taken for classes: give one of them, such as"
    assert (sentence in caplog.text) == warned


def test_listings_join_paths_and_hide_missing_labels() -> None:
    listing = Listing("/root", Names(["a.jpg", "/abs/b.jpg"]), np.array([-1, 4]))
    assert listing[0] == Entry(os.path.join("/root", "a.jpg"), None)
    assert listing[-1] == Entry("/abs/b.jpg", 4)
    assert [entry.label for entry in listing] == [None, 4]


@pytest.mark.parametrize(
    ("make", "words"), [("missing", "no such folder"), ("file", "expected a folder, this is a file")]
)
def test_folders_that_cannot_be_listed(tmp_path: Path, make: str, words: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=words):
        scan(str(tmp_path / make))
