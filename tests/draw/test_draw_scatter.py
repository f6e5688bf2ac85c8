"""Pictures of maps: every kind of label, dimension and count, and the words below them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from selfscope.draw.canvas import RULE, Canvas
from selfscope.draw.colour import GREY, palette
from selfscope.draw.legend import Entry, class_legend, colour_key, names_all
from selfscope.draw.map_inks import inks, number_range
from selfscope.draw.scatter import caption, demo_embedding, embedding_picture, embedding_scene
from selfscope.draw.scene import Scene, Words, raster
from selfscope.errors import UsageError
from selfscope.records import Embedding
from tests.draw.golden import check_golden

RNG = np.random.default_rng(0)
SETTINGS = {
    "method": "tsne",
    "metric": "cosine",
    "perplexity": 30,
    "seed": 7,
    "d": 768,
    "model": "ViT-B",
    "stage": "neck",
}


def embedding(count: int = 60, dimensions: int = 2, **fields: Any) -> Embedding:
    return Embedding("map", RNG.normal(size=(count, dimensions)).astype(np.float32), **fields)


def has_colour(picture: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((np.abs(picture.astype(int) - colour).max(axis=2) <= 3).any())


def test_the_caption_holds_what_a_map_needs() -> None:
    quality = {"trustworthiness": 0.9312, "knn_recall": 0.3, "kl_divergence": 2.5, "other_number": 1.23456}
    made, trust = caption(embedding(1234, settings=SETTINGS, quality=quality))
    assert made == "N = 1,234 · D = 768 · cosine distance · perplexity 30 · seed 7"
    assert trust == "trustworthiness 0.93 · 10-NN recall 0.30 · KL 2.50 · other number 1.235"


def test_the_caption_says_at_how_many_points_trust_was_measured() -> None:
    quality = {"trustworthiness": 0.9, "knn_recall": 0.5, "k": 7, "queries": 10}
    assert caption(embedding(50, quality=quality))[1] == (
        "trustworthiness 0.90 · 7-NN recall 0.50 · measured at 10 of the points"
    )
    assert "measured" not in caption(embedding(10, quality=quality))[1]


def test_the_caption_holds_the_reference_the_error_and_the_seeds() -> None:
    quality = {"trustworthiness": 0.9, "kl_divergence": 2.5, "kl_error": 0.034, "seed_overlap": 0.51, "seeds": 3}
    quality |= {"pca_trustworthiness": 0.68, "pca_kl_divergence": 4.4, "k": 10, "queries": 50}
    assert caption(embedding(50, quality=quality))[1:] == [
        "trustworthiness 0.90 · KL 2.50 ± 0.03 · 3 seeds share 51% of neighbours",
        "two principal components instead: trustworthiness 0.68 · KL 4.40",
    ]


def test_doubts_stand_on_the_picture() -> None:
    amber = (255, 243, 214)
    assert has_colour(embedding_picture(embedding(settings={"doubts": ("do not believe this",)}), width=400), amber)
    assert not has_colour(embedding_picture(embedding(settings={"doubts": ()}), width=400), amber)


def test_clusters_are_classes_with_their_sizes_and_noise_is_grey() -> None:
    emb = embedding(60, columns={"cluster": np.repeat([0, 1, -1], 20)})
    drawn = inks(emb, "cluster")
    assert [entry.name for entry in drawn.entries] == ["cluster 1 · 20", "cluster 2 · 20", "in none · 20"]
    assert (drawn.colours[40:] == GREY).all()
    assert "HDBSCAN" in words_of(embedding_scene(emb, width=600, color_by="cluster"))


def test_a_few_far_numbers_do_not_swallow_the_colours() -> None:
    values = np.concatenate([np.linspace(0, 1, 998), [-500, 1000]])
    low, high, note = number_range(values)
    assert -0.01 < low < 0.02
    assert 0.98 < high < 1.01
    assert note
    assert number_range(values[:998]) == (0, 1, "")
    assert number_range(np.array([np.nan])) == (0, 1, "")
    assert number_range(np.ones(5)) == (1, 1, "")


def test_more_classes_than_can_be_told_apart_are_counted() -> None:
    labels = np.arange(300) % 101
    assert "101 classes are more than" in words_of(embedding_scene(embedding(300, labels=labels), width=900))
    assert "more than" not in words_of(embedding_scene(embedding(300, labels=labels % 100), width=900))


def words_of(scene: Scene) -> str:
    return " ".join(item.text for item in scene.items if isinstance(item, Words))


def test_the_caption_tells_a_lowered_perplexity_and_the_weights() -> None:
    settings = {"perplexity": 3.0, "perplexity_asked": 30, "checkpoint": "a/b/c.pth"}
    assert caption(embedding(10, settings=settings))[0] == (
        "N = 10 · perplexity 3 · perplexity 30 asked for, too much for so few points · c.pth"
    )


def test_a_strip_says_that_its_height_means_nothing() -> None:
    assert caption(embedding(5, 1))[0] == "N = 5 · height only keeps points apart"


def test_a_map_without_trust_says_so() -> None:
    assert caption(embedding(5)) == ["N = 5", "trustworthiness not measured"]


def test_points_that_cannot_be_drawn_are_counted() -> None:
    coords = np.zeros((4, 2), np.float32)
    coords[1, 0], coords[2] = np.nan, np.inf
    broken = Embedding("map", coords)
    assert "2 points without finite coordinates are not drawn" in caption(broken)[0]
    assert embedding_picture(broken, width=300).shape[1] == 300


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
@pytest.mark.parametrize("constant", [False, True])
def test_any_count_and_dimension(count: int, dimensions: int, constant: bool) -> None:
    coords = np.full((count, dimensions), 3e6, np.float32)
    if not constant:
        coords = RNG.normal(size=(count, dimensions)).astype(np.float32)
    picture = embedding_picture(Embedding("map", coords, labels=np.arange(count)), width=300)
    assert picture.shape[1] == 300
    assert has_colour(picture, palette(1)[0]) == (count > 0)


def test_both_axes_have_one_scale() -> None:
    square = np.array([(0, 0), (1, 0), (0, 1), (1, 1)], np.float32)
    picture = embedding_picture(Embedding("map", square), width=600, point_size=6, alpha=1.0)
    ink = (np.abs(picture.astype(int) - palette(1)[0]).max(axis=2) < 40).nonzero()
    assert np.ptp(ink[0]) == pytest.approx(np.ptp(ink[1]), abs=2)


def test_the_second_axis_points_up() -> None:
    coords = np.array([(0, 0), (1, 1), (2, 0)], np.float32)
    picture = embedding_picture(Embedding("map", coords, labels=np.array([0, 1, 0])), width=400, legend=False)
    first, second = (np.abs(picture.astype(int) - colour).max(axis=2) < 40 for colour in palette(2))
    assert second.nonzero()[0].max() < first.nonzero()[0].min()


def test_one_picture_for_one_map() -> None:
    emb = demo_embedding(5, 300)
    np.testing.assert_array_equal(embedding_picture(emb, width=400), embedding_picture(emb, width=400))


def test_labels_have_the_colours_of_the_palette_and_unlabelled_points_are_grey() -> None:
    labels = np.array([0] * 20 + [4] * 20 + [-1] * 20)
    picture = embedding_picture(embedding(60, labels=labels, class_names=tuple("abcdef")), width=500, alpha=1.0)
    assert has_colour(picture, palette(1)[0])
    assert has_colour(picture, palette(2)[1])
    assert not has_colour(picture, palette(3)[2])
    assert has_colour(picture, GREY)


def test_data_without_labels_has_one_colour_and_no_key() -> None:
    wide = embedding_picture(embedding(), width=500, alpha=1.0)
    assert has_colour(wide, palette(1)[0])
    np.testing.assert_array_equal(
        embedding_picture(demo_embedding(), width=500, color_by=None),
        embedding_picture(demo_embedding(), width=500, color_by=None, legend=False),
    )


def test_columns_of_numbers_and_of_words() -> None:
    columns = {"norm": np.linspace(0, 1, 60), "kind": np.array(["a", "b", ""] * 20), "broken": np.full(60, np.nan)}
    emb = embedding(60, columns=columns)
    assert has_colour(embedding_picture(emb, width=400, color_by="kind", alpha=1.0), palette(3)[2])
    assert not has_colour(embedding_picture(emb, width=400, color_by="norm", alpha=1.0), palette(3)[1])
    broken = embedding_picture(emb, width=400, color_by="broken", point_size=9, alpha=1.0)
    assert has_colour(broken, GREY)
    assert not has_colour(broken, palette(1)[0])
    with pytest.raises(UsageError, match="Did you mean 'norm'"):
        embedding_picture(emb, color_by="nrom")


def test_untrained_models_are_marked() -> None:
    amber = (255, 243, 214)
    assert has_colour(embedding_picture(embedding(settings={"trained": False}), width=400), amber)
    assert not has_colour(embedding_picture(embedding(settings={"trained": True}), width=400), amber)


def test_a_picture_narrower_than_its_words_is_refused() -> None:
    with pytest.raises(UsageError, match="at least 200"):
        embedding_picture(embedding(), width=100)


@pytest.mark.parametrize(
    "count", [1, 10, pytest.param(100, marks=pytest.mark.slow), pytest.param(1000, marks=pytest.mark.slow)]
)
def test_keys_stay_within_their_room(count: int) -> None:
    entries = [Entry(f"n{i:08d} a rather long class name", colour) for i, colour in enumerate(palette(count))]
    key = class_legend(entries, height=400, max_width=500, size=14)
    assert key.shape[0] <= 400
    assert key.shape[1] <= 500
    shown = sum(has_colour(key, entry.colour) for entry in entries[:40])
    assert shown == min(count, 40)


def colours_in(picture: np.ndarray, colours: list[tuple[int, int, int]]) -> int:
    there = np.unique(picture.reshape(-1, 3), axis=0).astype(int)
    return sum(bool((np.abs(there - colour).max(axis=1) <= 3).any()) for colour in colours)


@pytest.mark.parametrize("count", [12, pytest.param(300, marks=pytest.mark.slow)])
def test_every_class_is_named_when_a_key_is_asked_for(count: int) -> None:
    emb = embedding(600, labels=np.arange(600) % count)
    picture, plain = embedding_picture(emb, legend=True), embedding_picture(emb)
    assert picture.shape[1] == plain.shape[1] == 1600
    if count == 12:  # all are beside the map in any case
        np.testing.assert_array_equal(picture, plain)
    else:
        edge = np.flatnonzero((picture == RULE).all(axis=2).mean(axis=1) > 0.9)[-1]
        assert colours_in(picture[edge + 1 :], palette(count)) == count
        assert picture.shape[0] > plain.shape[0]


@pytest.mark.slow
def test_a_key_of_any_height_leaves_nothing_out() -> None:
    entries = [Entry("a rather long class name", colour) for colour in palette(300)]
    key = class_legend(entries, height=None, max_width=600, size=14)
    assert key.shape[1] <= 600
    assert colours_in(key, palette(300)) == 300
    assert not names_all(entries, height=400, max_width=600, size=14)
    assert names_all(entries[:40], height=400, max_width=600, size=14)


def test_a_colour_bar_runs_from_low_to_high() -> None:
    bar = raster(colour_key(0, 5, name="norm", height=100, size=12))
    levels = bar[:, 4].astype(int)
    column = levels[(levels.max(axis=1) - levels.min(axis=1)) > 20]
    assert column[0].sum() > column[-1].sum()
    assert colour_key(2, 2, name="norm", height=50, size=12).height > 50


def test_legend_markers_look_like_the_points() -> None:
    key = class_legend([Entry("a", (200, 0, 0), "ring")], height=60, max_width=200, size=30)
    canvas = Canvas(key)
    red = np.abs(canvas.pixels.astype(int) - (200, 0, 0)).max(axis=2) < 60
    rows, columns = red.nonzero()
    middle = round((rows.min() + rows.max()) / 2), round((columns.min() + columns.max()) / 2)
    assert not red[middle]


def test_golden_of_classes() -> None:
    check_golden(embedding_picture(demo_embedding(24, 400), width=420), "map")


def test_golden_of_numbers_in_three_dimensions() -> None:
    coords = np.random.default_rng(1).normal(size=(150, 3)).astype(np.float32)
    emb = Embedding("norms", coords, columns={"norm": np.linalg.norm(coords, axis=1)}, settings={"trained": False})
    check_golden(embedding_picture(emb, width=420, color_by="norm"), "map_3d")
