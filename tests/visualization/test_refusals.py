"""What the storing methods cannot take is one sentence on the caller's thread, and costs the run nothing."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.errors import RunError, SelfscopeError
from selfscope.records import Text
from selfscope.store.reader import open_run
from selfscope.visualization.visualizer import Visualizer
from tests.visualization.fakes import LOCAL, Remembering, build, fail

COORDS = np.zeros((3, 2), np.float32)
PICTURE = np.zeros((2, 2, 3), np.uint8)
REFUSED = {
    "scalars that are none": (lambda vis: vis.add_scalars([1.0]), "expected a mapping of tags to numbers, got list"),
    "no step": (lambda vis: vis.add_scalars({"a": 1.0}, None), "expected a step .*, got NoneType None"),
    "half a step": (lambda vis: vis.add_image("p", PICTURE, 0.5), "p: expected a step .*, got float 0.5"),
    "a name that is none": (lambda vis: vis.add_image(3, PICTURE), "expected text as the name of a picture, got int 3"),
    "no bins": (lambda vis: vis.add_histogram("h", [1.0], bins=0), "h: expected at least one bin, got 0"),
    "words in a histogram": (lambda vis: vis.add_histogram("h", ["x"]), "h: expected numbers, got list"),
    "a table of rows": (lambda vis: vis.add_table("t", [{"a": 1}]), "t: expected columns by name, .*, got list"),
    "a column of one value": (lambda vis: vis.add_table("t", {"a": 1}), "t: expected a sequence for column 'a'"),
    "text that is none": (lambda vis: vis.add_text("n", 3), "n: expected text, got int"),
    "labels by name": (
        lambda vis: vis.add_embedding("e", COORDS, labels=["a", "b", "a"]),
        "e: expected labels of whole numbers, got <U1: names go to class_names",
    ),
    "a misspelt detail": (
        lambda vis: vis.add_embedding("e", COORDS, labls=[0, 1, 0]),
        "add_embedding takes no argument 'labls'. Did you mean 'labels'",
    ),
    "no record": (lambda vis: vis.write({"a": 1}), "write: expected a record, got dict"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_stored_is_one_sentence(what):
    call, sentence = REFUSED[what]
    fake = Remembering()
    with Visualizer(vis_backends=fake) as vis:
        with pytest.raises(SelfscopeError, match=sentence):
            call(vis)
        vis.add_scalar("a", 1.0)
    assert [record.kind for record in fake.records] == ["scalars"]


def test_misspelt_arguments_are_refused():
    with pytest.raises(TypeError, match="stpe"):
        Visualizer().add_scalars({"a": 1.0}, stpe=3)  # type: ignore[call-arg]


def test_a_run_ends_by_a_known_word():
    fake = Remembering()
    vis = build(fake)
    with pytest.raises(RunError, match="status: expected one of finished, failed, interrupted, got 'done'"):
        vis.close(status="done")
    vis.add_scalar("a", 1.0)
    vis.close(status="failed")
    assert fake.steps == [0]


def test_labels_as_a_list_are_kept(tmp_path):
    with Visualizer(vis_backends=LOCAL, save_dir=tmp_path) as vis:
        vis.add_embedding("e", COORDS, labels=[2, 0, 1])
    np.testing.assert_array_equal(open_run(tmp_path).embeddings["e"].labels, [2, 0, 1])


def test_a_record_that_the_run_cannot_keep_costs_no_other_one(tmp_path, caplog):
    with Visualizer(vis_backends=LOCAL, save_dir=tmp_path) as vis:
        vis.write(Text("n", 3))  # type: ignore[arg-type]
        vis.add_scalar("a", 1.0, 7)
    assert open_run(tmp_path).scalars("a").step.tolist() == [7]
    assert "LocalVisBackend: a record cannot be kept: AttributeError" in caplog.text


@pytest.mark.parametrize("bad", [0, 5, 9])
def test_one_bad_record_while_closing_costs_no_other_one(quick, caplog, bad):
    picky = Remembering(lambda record: fail(record) if record.step == bad else None)
    vis = build(picky)
    for step in range(10):
        vis.add_scalar("a", 1.0, step)
    vis.close()
    assert picky.steps == [step for step in range(10) if step != bad]
    assert "a: 1 record was not handed over (ConnectionError: the tracker is down)" in caplog.text
