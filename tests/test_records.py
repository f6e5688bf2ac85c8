"""Records refuse what cannot be stored, cannot be changed afterwards, and show themselves."""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import FrozenInstanceError
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from selfscope.errors import RecordError
from selfscope.records import Embedding, Histogram, Picture, Reconstruction, Sample, Scalars, Table, View

PICTURE = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)


def embedding(n: int = 9) -> Embedding:
    coords = np.random.default_rng(0).normal(size=(n, 2)).astype(np.float32)
    return Embedding("feat", coords, labels=np.arange(n) % 2, class_names=("cat", "<dog>"), quality={"knn_recall": 0.5})


def reconstruction() -> Reconstruction:
    names = ("original", "masked", "reconstruction", "pasted")
    return Reconstruction("a/photo", dict.fromkeys(names, PICTURE), "MAE", notes=("untrained & unseen",))


def test_a_record_cannot_be_changed() -> None:
    record = Scalars({"loss": 1.0}, step=3)
    with pytest.raises(FrozenInstanceError):
        record.step = 4  # type: ignore[misc]
    with pytest.raises(TypeError):
        record.values["loss"] = 2.0  # type: ignore[index]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Picture("recon/12", PICTURE.astype(np.float32).transpose(2, 0, 1)), "recon/12.*float32 (3, 12, 16)"),
        (lambda: Picture("p", PICTURE[:0]), "at least one pixel"),
        (lambda: Picture("p", PICTURE.tolist()), "got list"),
        (lambda: Scalars({"step": 1.0}), "'step' is reserved"),
        (lambda: Scalars({"loss": np.ones(2)}), "one number, got ndarray"),
        (lambda: Scalars({"loss": "high"}), "one number, got str"),
        (lambda: Histogram("h", np.ones(3), np.ones(3)), r"edges (n + 1,)"),
        (lambda: Table("t", {"a": [1], "b": [1, 2]}), "one length"),
        (lambda: Embedding("e", np.ones((3, 4))), r"(N, 1..3), got (3, 4)"),
        (lambda: Embedding("e", np.ones((3, 2)), labels=np.ones(2)), "2 labels for 3 points"),
        (lambda: Sample("s", ()), "at least one view"),
        (lambda: Sample("s", (View(PICTURE),), mask=np.ones(4)), "mask (h, w)"),
    ],
)
def test_what_cannot_be_stored_is_refused_in_a_sentence(make, words: str) -> None:
    with pytest.raises(RecordError) as caught:
        make()
    assert re.search(re.escape(words).replace(r"\.\*", ".*"), str(caught.value))


def test_numbers_of_any_kind_become_scalars() -> None:
    values = Scalars(
        {"int": 3, "numpy": np.float32(0.5), "0-d": np.array(2.0), "nan": float("nan"), "bool": True}
    ).values
    assert (values["int"], values["numpy"], values["0-d"], values["bool"]) == (3, 0.5, 2.0, 1.0)
    assert np.isnan(values["nan"])


@pytest.mark.parametrize(
    "record",
    [Picture("p", PICTURE), embedding(), reconstruction(), Sample("s", (View(PICTURE),))],
    ids=lambda r: r.kind,
)
def test_a_notebook_shows_it_from_nothing_else(record) -> None:
    page = record._repr_html_()
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert pictures
    for data in pictures:
        with Image.open(BytesIO(b64decode(data))) as shown:
            assert min(shown.size) >= 12
    assert "http" not in page
    assert "<dog>" not in page


def test_the_picture_of_a_picture_is_the_picture() -> None:
    data = re.findall(r'base64,([^"]+)"', Picture("p", PICTURE)._repr_html_())[0]
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(b64decode(data)))), PICTURE)


def test_repr_is_one_short_line() -> None:
    text = repr(embedding(1000))
    assert text.startswith("Embedding(key='feat', coords=float32[1000, 2], labels=int64[1000]")
    assert len(text) < 400
    assert "\n" not in text
    assert "caption" not in repr(Picture("p", PICTURE))


def test_a_view_says_what_it_holds_in_one_line() -> None:
    shown = repr(View(np.zeros((4, 6, 3), np.uint8), crop=(0.0, 1.0, 2.0, 3.0), flip="horizontal"))
    assert shown == "View(picture=uint8[4, 6, 3], crop=(0.0, 1.0, 2.0, 3.0), flip='horizontal')"
