"""Labels from a table: matched by path, counted where they do not match."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from selfscope.errors import DataError, SelfscopeError, UsageError
from selfscope.structures import Features
from selfscope.views.labels import columns_of, join_labels

PATHS = ("/data/cat/1.jpg", "/data/cat/2.jpg", "/data/dog/1.jpg", "/data/dög 東/x y.jpg")


def features(paths: tuple[str, ...] | None = PATHS) -> Features:
    return Features({"f": np.zeros((4, 2))}, labels=np.array([9, 9, 9, 9]), paths=paths)


def table(folder: Path, text: str, name: str = "t.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


@pytest.mark.parametrize("prefix", ["/data/", "", "./"])
def test_rows_are_found_by_path_or_the_end_of_it(prefix: str, tmp_path: Path) -> None:
    rows = "\n".join(f"{prefix}{path[6:]},{label}" for path, label in zip(PATHS, "abca", strict=True))
    joined = join_labels(features(), table(tmp_path, f"path,species\n{rows}\n"))
    assert joined.features.class_names == ("a", "b", "c")
    assert joined.features.labels is not None
    assert joined.features.labels.tolist() == [0, 1, 2, 0]
    assert joined.said == "t.csv: 4 of 4 images found; labels are 'species'"


def test_a_name_that_two_images_end_in_is_none_of_theirs(tmp_path: Path) -> None:
    joined = join_labels(features(), table(tmp_path, "path,label\n1.jpg,5\n2.jpg,6\nx y.jpg,7\n"))
    assert joined.features.labels is not None
    assert joined.features.labels.tolist() == [-1, 6, -1, 7]
    assert "2 of 4 images found, 2 images are not in it, 1 rows are of no image here" in joined.said


def test_names_without_suffix_are_matched_when_nothing_else_is(tmp_path: Path) -> None:
    joined = join_labels(features(), table(tmp_path, "id,label\nx y,1\n2,3\n1,4\n"))
    assert joined.features.labels is not None
    assert joined.features.labels.tolist() == [-1, 3, -1, 1]


def test_other_columns_come_along(tmp_path: Path) -> None:
    text = "file,label,score,kind,norm\ncat/1.jpg,3,0.5,indoor,1\ndog/1.jpg,4,,,2\n"
    joined = join_labels(features(), table(tmp_path, text))
    assert list(joined.columns) == ["label_given", "score", "kind", "norm_given"]
    np.testing.assert_array_equal(joined.columns["score"], [0.5, np.nan, np.nan, np.nan])
    assert joined.columns["kind"].tolist() == ["indoor", None, None, None]
    assert joined.features.labels is not None
    assert joined.features.labels.tolist() == [3, -1, 4, -1]
    assert joined.features.class_names is None


def test_a_named_column_is_the_label(tmp_path: Path) -> None:
    path = table(tmp_path, "path,label,kind\ncat/1.jpg,3,x\ndog/1.jpg,4,y\n")
    assert join_labels(features(), f"{path}:kind").features.class_names == ("x", "y")
    assert columns_of(f"{path}:kind") == ("label_given", "kind")


def test_a_table_of_fractions_changes_no_label(tmp_path: Path) -> None:
    joined = join_labels(features(), table(tmp_path, "path,score\ncat/1.jpg,0.25\n"))
    assert joined.features.labels is not None
    assert joined.features.labels.tolist() == [9, 9, 9, 9]
    assert joined.columns["score"][0] == 0.25
    assert joined.said == "t.csv: 1 of 4 images found, 3 images are not in it"


def test_parquet_and_tabs(tmp_path: Path) -> None:
    columns = {"path": [path[6:] for path in PATHS], "class": ["u", None, "v", "u"]}
    parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    found = join_labels(features(), tmp_path / "t.parquet").features
    assert found.labels is not None
    assert found.labels.tolist() == [0, -1, 1, 0]
    tabs = join_labels(features(), table(tmp_path, "path\tlabel\ncat/2.jpg\ta, b\n", "t.tsv"))
    assert tabs.features.class_names == ("a, b",)


def test_features_without_paths_take_rows_in_order(tmp_path: Path) -> None:
    path = table(tmp_path, "name,label\nw,0\nx,1\ny,2\nz,3\n")
    found = join_labels(features(None), path)
    assert found.features.labels is not None
    assert found.features.labels.tolist() == [0, 1, 2, 3]
    assert "4 rows taken in order" in found.said
    with pytest.raises(DataError, match="2 rows for 4 features without paths"):
        join_labels(features(None), table(tmp_path, "name,label\nw,0\nx,1\n"))


REFUSALS = [
    ("t.csv", "", "expected a header and at least one row"),
    ("t.csv", "path,label\n", "expected a header and at least one row"),
    ("t.csv", "path\na\n", "a column of paths and one of labels"),
    ("t.csv", "path,label\na,1,2\n", "row 2 has 3 values for 2 columns"),
    ("t.csv", "path,label,label\na,1,2\n", "two columns have one name"),
    ("t.csv", "path,label\nzebra.jpg,1\n", "none of 1 rows has the path of an image"),
    ("t.csv", "path,label\ncat/1.jpg,1\n./cat/1.jpg,2\n", "1 rows have the path of another row"),
    ("t.csv:lable", "path,label\ncat/1.jpg,1\n", "no column 'lable'.*Did you mean 'label'"),
    ("t.csv:score", "path,score\ncat/1.jpg,1.5\n", "fractions, which are no labels"),
    ("t.json", "{}", "ending in .csv, .tsv or .parquet"),
    ("missing.csv", None, "no such file"),
]


@pytest.mark.parametrize(("given", "text", "words"), REFUSALS, ids=[words for *_, words in REFUSALS])
def test_what_cannot_be_joined_is_refused(given: str, text: str | None, words: str, tmp_path: Path) -> None:
    if text is not None:
        table(tmp_path, text, given.split(":")[0])
    with pytest.raises(SelfscopeError, match=words):
        join_labels(features(), f"{tmp_path}/{given}")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"path,label\n\xff\xfe,1\n")
    with pytest.raises(DataError, match="not a UTF-8 table"):
        join_labels(features(), tmp_path / "t.csv")
    (tmp_path / "t.parquet").write_bytes(b"none")
    with pytest.raises(SelfscopeError, match="cannot be read as a table"):
        join_labels(features(), tmp_path / "t.parquet")


def test_a_column_without_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ending in"):
        columns_of(tmp_path)


@pytest.mark.parametrize(("values", "numbers"), [([2, -1, 0], [2, -1, 0]), (["b", "a", "b"], [1, 0, 1])])
def test_an_array_of_labels_is_taken_in_order(tmp_path: Path, values: list[object], numbers: list[int]) -> None:
    np.save(tmp_path / "labels.npy", np.array(values))
    joined = join_labels(Features(arrays={"f": np.zeros((3, 2), np.float32)}), tmp_path / "labels.npy")
    assert joined.features.labels is not None
    assert joined.features.labels.tolist() == numbers
    with pytest.raises(UsageError, match="give a table with a row an image"):
        join_labels(features(), tmp_path / "labels.npy")


def test_an_array_that_is_no_list_of_labels_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "labels.npy", np.zeros((3, 2), int))
    with pytest.raises(DataError, match=r"expected \(N,\) labels, one an item, got \(3, 2\)"):
        columns_of(tmp_path / "labels.npy")
