from __future__ import annotations

import os

import numpy as np
import pytest

from selfscope.errors import RecordError, RunError
from selfscope.records import Embedding, Reconstruction, Sample, Step, View
from selfscope.store.reader import open_run
from selfscope.store.tables import read_parquet
from selfscope.store.writer import Writer


def noise(height: int = 33, width: int = 21, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def a_map(n: int = 7, dimensions: int = 2, **changes) -> Embedding:
    rng = np.random.default_rng(1)
    values = {
        "key": "tsne/neck",
        "coords": rng.normal(size=(n, dimensions)).astype(np.float32),
        "labels": np.arange(n) % 3,
        "class_names": ("cat", "dög"),
        "paths": tuple(f"cat/{i} ü.jpg" for i in range(n)),
        "columns": {"trust": rng.random(n), "rank": np.arange(n)},
        "quality": {"trustworthiness": 0.9, "kl_divergence": float("nan")},
        "settings": {"method": "t-SNE", "seed": 0, "perplexity": 30.0, "trained": True},
        "features": {"feat_neck": rng.normal(size=(n, 5)).astype(np.float32)},
        "step": 0,
    }
    return Embedding(**{**values, **changes})


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_a_map_comes_back(tmp_path, dimensions):
    given = a_map(dimensions=dimensions)
    with Writer(tmp_path) as writer:
        writer.write(given)
    table = read_parquet(tmp_path / "embeddings/tsne/neck/embedding.parquet")
    assert list(table) == ["id", "path", "label", "label_name", *"xyz"[:dimensions], "trust", "rank"]
    assert table["label_name"][:3] == ["cat", "dög", None]
    back = open_run(tmp_path).embeddings["tsne/neck"]
    np.testing.assert_array_equal(back.coords, given.coords)
    np.testing.assert_array_equal(back.labels, given.labels)
    np.testing.assert_array_equal(back.columns["trust"], given.columns["trust"])
    np.testing.assert_array_equal(back.features["feat_neck"], given.features["feat_neck"])
    assert (back.key, back.class_names, back.paths) == (given.key, given.class_names, given.paths)
    assert back.settings == given.settings
    assert back.quality["trustworthiness"] == 0.9
    assert np.isnan(back.quality["kl_divergence"])


def test_the_same_map_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        with Writer(tmp_path / name) as writer:
            writer.write(a_map())
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a/embeddings").rglob("*") if p.is_file())
    assert [p.name for p in files] == ["embedding.parquet", "feat_neck.npy", "quality.json"]
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_maps_without_labels_one_point_and_later_steps(tmp_path):
    bare = Embedding("m", np.zeros((1, 2), np.float32))
    with Writer(tmp_path) as writer:
        writer.write(bare)
        writer.write(Embedding("m", np.ones((1, 2), np.float32), step=5))
        writer.write(Embedding("m", np.ones((1, 2), np.float32), step=5))
    run = open_run(tmp_path)
    assert list(run.embeddings) == ["m", "m_5", "m_5-1"]
    assert run.embeddings["m"].labels is run.embeddings["m"].paths is None
    assert run.embeddings["m_5"].step == 5
    with pytest.raises(KeyError, match=r"no 'n' here"):
        run.embeddings["n"]


def test_columns_of_the_format_cannot_be_taken(tmp_path):
    with Writer(tmp_path) as writer, pytest.raises(RecordError, match="the column name 'x' is taken"):
        writer.write(a_map(columns={"x": np.zeros(7)}))


def test_features_mapped_from_an_earlier_file_are_copied(tmp_path):
    np.save(tmp_path / "f.npy", np.arange(14.0).reshape(7, 2))
    with Writer(tmp_path / "run") as writer:
        writer.write(a_map(features={"f": np.load(tmp_path / "f.npy", mmap_mode="r")}))
    np.testing.assert_array_equal(open_run(tmp_path / "run").embeddings["tsne/neck"].features["f"][6], [12, 13])


def a_reconstruction(key: str = "cat/1", **settings) -> Reconstruction:
    panels = {name: noise(32, 32, i) for i, name in enumerate(("original", "masked", "reconstruction", "pasted"))}
    arrays = {"input": np.zeros((3, 32, 32), np.float32), "mask": np.eye(4, dtype=np.uint8)}
    metrics = {"psnr": 20.5, "skill": float("-inf")}
    details = {"path": f"/data/{key}.jpg", "seed": 3, "mask_ratio": 0.75, **settings}
    return Reconstruction(key, panels, "MAE", ("untrained",), metrics, arrays, details)


def test_reconstructions_come_back_with_panels_arrays_and_numbers(tmp_path):
    given = [a_reconstruction("cat/1"), a_reconstruction("dog/1"), a_reconstruction("cat/1", collection="sweep")]
    with Writer(tmp_path) as writer:
        for record in given:
            writer.write(record)
    run = open_run(tmp_path)
    assert list(run.reconstructions) == ["mae/cat/1", "mae/dog/1", "sweep/cat/1"]
    for back, record in zip(run.reconstructions.values(), given, strict=True):
        assert (back.key, back.method, back.notes) == (record.key, record.method, record.notes)
        assert back.settings == record.settings
        assert back.metrics == record.metrics
        for name, picture in record.pictures.items():
            np.testing.assert_array_equal(back.pictures[name], picture)
        for name, array in record.arrays.items():
            np.testing.assert_array_equal(back.arrays[name], array)
    table = read_parquet(tmp_path / "reconstructions/mae/metrics.parquet")
    assert list(table) == ["id", "path", "method", "pixel_stats", "mask_ratio", "seed", "step", "psnr", "skill"]
    assert table["id"] == ["cat/1", "dog/1"]
    np.testing.assert_array_equal(table["skill"], [-np.inf, -np.inf])


def test_numbers_of_a_killed_run_are_still_there(tmp_path):
    writer = Writer(tmp_path)
    writer.write(a_reconstruction())
    writer.files.flush()
    assert not (tmp_path / "reconstructions/mae/metrics.parquet").exists()
    assert open_run(tmp_path).reconstructions["mae/cat/1"].metrics["psnr"] == 20.5
    writer.flush()
    assert read_parquet(tmp_path / "reconstructions/mae/metrics.parquet")["psnr"] == [20.5]
    writer.close()


def test_a_resumed_run_adds_rows_to_its_tables(tmp_path):
    for key in ("cat/1", "dog/1"):
        with Writer(tmp_path) as writer:
            writer.write(a_reconstruction(key))
    assert read_parquet(tmp_path / "reconstructions/mae/metrics.parquet")["id"] == ["cat/1", "dog/1"]


def a_sample(key: str = "cat/1") -> Sample:
    jitter = Step("ColorJitter", {"brightness": 1.1, "order": [0, 2, 1, 3]})
    views = (
        View(noise(16, 16), (10.0, 20.0, 30.0, 40.0), "horizontal", (Step("Crop", {"scale": 0.4}), jitter), "view 1"),
        View(noise(8, 8, 1), (10.0, 20.0, 15.0, 40.0), None, (), "view 2"),
        View(noise(8, 8, 2)),
    )
    return Sample(
        key,
        views,
        path=f"/data/{key}.jpg",
        index=4,
        label=1,
        label_name="dög",
        original=noise(60, 50, 3),
        mask=np.eye(4, dtype=np.uint8),
        settings={"seed": 1, "phase": "train"},
        derived={"HOG target": noise(16, 16, 6), "a name/with: everything": noise(8, 8, 7)},
    )


def test_samples_come_back_with_what_was_sampled(tmp_path):
    given = a_sample()
    boxed = Sample("7", (View(noise()),), boxes=np.array([[1, 2, 3.5, 4]], np.float32), boxed=noise(20, 20, 5))
    with Writer(tmp_path) as writer:
        writer.write(given)
        writer.write(boxed)
    run = open_run(tmp_path)
    assert list(run.samples) == ["train/cat/1", "samples/7"]
    back = run.samples["train/cat/1"]
    assert (back.key, back.path, back.index, back.label, back.label_name) == ("cat/1", "/data/cat/1.jpg", 4, 1, "dög")
    assert back.settings == given.settings
    np.testing.assert_array_equal(back.mask, given.mask)
    np.testing.assert_array_equal(back.original, given.original)
    assert list(back.derived) == list(given.derived)
    for name, picture in given.derived.items():
        np.testing.assert_array_equal(back.derived[name], picture)
    for view, expected in zip(back.views, given.views, strict=True):
        np.testing.assert_array_equal(view.picture, expected.picture)
        assert (view.crop, view.flip, view.steps, view.name) == (
            expected.crop,
            expected.flip,
            expected.steps,
            expected.name,
        )
    np.testing.assert_array_equal(run.samples["samples/7"].boxes, boxed.boxes)
    np.testing.assert_array_equal(run.samples["samples/7"].boxed, boxed.boxed)


def test_samples_make_one_row_a_view_and_one_a_pair_of_crops(tmp_path):
    with Writer(tmp_path) as writer:
        writer.write(a_sample())
    rows = read_parquet(tmp_path / "browse/train/samples.parquet")
    assert list(rows["view"]) == [1, 2, 3]
    assert rows["crop_w"] == [30.0, 15.0, None]
    assert rows["flip"] == ["horizontal", None, None]
    assert rows["view_name"] == ["view 1", "view 2", ""]
    assert rows["crop_area"] == [30 * 40 / (50 * 60), 15 * 40 / (50 * 60), None]
    assert rows["mask_fraction"] == [0.25, None, None]
    assert rows["brightness"] == [1.1, None, None]
    assert rows["jitter_order"] == [[0, 2, 1, 3], None, None]
    pairs = read_parquet(tmp_path / "browse/train/overlaps.parquet")
    assert {name: column[0] for name, column in pairs.items()} == {
        "id": "cat/1",
        "view_a": 1,
        "view_b": 2,
        "iou": 0.5,
        "containment": 1.0,
        "a_in_b": 0.5,
        "b_in_a": 1.0,
    }


def test_the_pictures_of_every_step_come_back(tmp_path):
    shown = Step("Flip", {"direction": "horizontal"}, noise(9, 7, 4))
    given = Sample("a", (View(noise(), steps=(shown, Step("Blur"))), View(noise(), steps=(shown,))), original=noise())
    with Writer(tmp_path) as writer:
        writer.write(given)
    back = open_run(tmp_path).samples["samples/a"]
    assert [view.steps for view in back.views] == [view.steps for view in given.views]
    for view in back.views:
        np.testing.assert_array_equal(view.steps[0].picture, shown.picture)
    assert back.views[0].steps[1].picture is None
    np.testing.assert_array_equal(back.plot(mode="pipeline"), given.plot(mode="pipeline"))


def test_a_transform_that_is_applied_twice_has_columns_twice(tmp_path):
    view = View(noise(), steps=(Step("Flip", {"on": True}), Step("Blur", {"s": 1.0}), Step("Flip", {"on": False})))
    with Writer(tmp_path) as writer:
        writer.write(Sample("a", (view,)))
    rows = read_parquet(tmp_path / "browse/samples/samples.parquet")
    assert [rows[name][0] for name in ("Flip.on", "Blur.s", "Flip.on#2")] == [True, 1.0, False]


def test_a_row_that_was_cut_off_is_one_sentence(tmp_path):
    with Writer(tmp_path) as writer:
        writer.write(a_reconstruction())
    os.truncate(tmp_path / "reconstructions/mae/metrics.jsonl", 40)
    with pytest.raises(RunError, match="holds nothing of 'cat/1': the run was cut short"):
        open_run(tmp_path).reconstructions["mae/cat/1"]


def test_records_of_folders_keep_their_time(tmp_path):
    picture = noise()
    panels = dict.fromkeys(("original", "masked", "reconstruction", "pasted"), picture)
    records = [
        Embedding("map", np.zeros((3, 2), np.float32), wall_time=11.5),
        Reconstruction("cat", panels, "MAE", wall_time=12.5),
        Sample("dog", (View(picture),), wall_time=13.5),
    ]
    with Writer(tmp_path) as writer:
        for record in records:
            writer.write(record)
    assert [entry.load().wall_time for entry in open_run(tmp_path).media()] == [11.5, 12.5, 13.5]


def test_arrays_have_any_name_and_nothing_is_pickled(tmp_path):
    panels = dict.fromkeys(("original", "masked", "reconstruction", "pasted"), noise())
    arrays = {"file": np.arange(3), "allow_pickle": np.zeros((2, 0)), "pred": np.float32(2)}
    with Writer(tmp_path) as writer:
        writer.write(Reconstruction("cat", panels, "MAE", arrays=arrays))
        with pytest.raises(ValueError, match="allow_pickle"):
            writer.write(Reconstruction("dog", panels, "MAE", arrays={"pred": np.array([None])}))
    stored = open_run(tmp_path).reconstructions["mae/cat"].arrays
    assert {name: array.tolist() for name, array in stored.items()} == {
        n: np.asarray(a).tolist() for n, a in arrays.items()
    }
    with np.load(next(tmp_path.rglob("*.npz"))) as file:
        assert set(file.files) == set(arrays)
