"""Samples of a data set: modes, skips, and the masks that models draw themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from selfscope.config.reader import load_config
from selfscope.draw.sample import MODES
from selfscope.errors import DataError, UsageError
from selfscope.records import Sample
from selfscope.views.browse import browse, browse_opened
from selfscope.views.opening import opened

CONFIG = "configs/selfsup/simsiam/simsiam_resnet50_8xb32-coslr-100e_in1k.py"
MAE = "configs/selfsup/mae/mae_vit-base-p16_8xb512-amp-coslr-300e_in1k.py"
Photos = Callable[..., Path]


def where(root: Path, *more: str) -> list[str]:
    entries = (f"data_root={root}", "ann_file=val.txt", 'data_prefix=""')
    return [f"train_dataloader.dataset.{entry}" for entry in entries] + list(more)


def same(a: Sample, b: Sample) -> bool:
    pairs = zip(a.views, b.views, strict=True)
    return a.key == b.key and all(np.array_equal(v.picture, w.picture) and v.steps == w.steps for v, w in pairs)


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_changes_how_samples_show_themselves_and_nothing_else(mode: str, photos: Photos) -> None:
    options = where(photos(classes=1, each=2))
    plain, given = list(browse(CONFIG, options=options)), list(browse(CONFIG, options=options, mode=mode))
    assert all(same(a, b) for a, b in zip(plain, given, strict=True))
    np.testing.assert_array_equal(given[0].plot(), given[0].plot(mode=mode))
    kept = [step.picture is not None for step in given[0].views[0].steps]
    assert any(kept) == (mode == "pipeline")


@pytest.mark.parametrize(("wrong", "words"), [({"n": 0}, "at least 1"), ({"mode": "pipelin"}, "'pipeline'")])
def test_wrong_arguments_are_refused_at_once(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        browse("no/such/config.py", **wrong)


def test_the_first_n_are_the_same_as_in_all(photos: Photos) -> None:
    options = where(photos())
    every = list(browse(CONFIG, options=options, seed=5))
    assert len(every) == 12
    assert all(same(a, b) for a, b in zip(browse(CONFIG, n=4, options=options, seed=5), every, strict=False))


def test_what_cannot_be_read_is_told_or_raised(photos: Photos) -> None:
    root = photos(classes=1, each=3)
    broken = root / "n00000000_kind 0" / "1.jpg"
    broken.write_bytes(b"no photo")
    skipped: list[tuple[str, str]] = []
    assert [sample.index for sample in browse(CONFIG, options=where(root), skipped=skipped)] == [0, 2]
    ((path, reason),) = skipped
    assert path == str(broken)
    assert "not a picture" in reason
    with pytest.raises(DataError, match=r"1\.jpg: is not a picture"):
        list(browse(CONFIG, options=where(root)))


def test_a_function_takes_the_samples_place(photos: Photos) -> None:
    given = opened(CONFIG, options=where(photos(classes=1, each=3)))
    assert list(browse_opened(given, then=len_of_views)) == [2, 2, 2]


def len_of_views(sample: Sample) -> int:
    return len(sample.views)


@pytest.mark.slow
def test_workers_make_the_same_samples_and_apply_the_function(photos: Photos) -> None:
    options = where(photos(classes=2, each=5))
    for mode in ("transformed", "pipeline"):
        alone = list(browse(CONFIG, options=options, mode=mode))
        shared = list(browse(CONFIG, options=options, mode=mode, workers=2))
        assert all(same(a, b) for a, b in zip(alone, shared, strict=True))
        np.testing.assert_array_equal(alone[3].plot(), shared[3].plot())
    given = opened(CONFIG, options=options)
    assert list(browse_opened(given, workers=2, then=len_of_views)) == [2] * 10


@pytest.mark.parametrize(
    ("change", "shape", "removed", "told"),
    [
        ([], (14, 14), 147, "drawn as the model does, ratio 0.75"),
        (["model.backbone.mask_ratio=0.6"], (14, 14), 196 - 78, "ratio 0.6"),
        (["model.backbone.patch_size=32"], (7, 7), 49 - 12, "ratio 0.75"),
        (["model.type=mmselfsup.MixMIM", "model.backbone.mask_ratio=0.5"], (7, 7), 24, "ratio 0.5"),
        (["model.type=SparK", "model.backbone.mask_ratio=0.6"], (7, 7), 49 - 20, "ratio 0.6"),
        (["model.type=MILAN"], (14, 14), 147, "ratio 0.75; MILAN keeps more of those that CLIP attends to"),
    ],
)
def test_masks_that_models_draw(
    change: list[str], shape: tuple[int, int], removed: int, told: str, photos: Photos
) -> None:
    options = where(photos(classes=1, each=1), *change)
    (sample,) = browse(MAE, options=options)
    assert sample.mask is not None
    assert sample.mask.shape == shape
    assert sample.mask.sum() == removed
    assert str(sample.settings["mask"]).endswith(told)
    assert sample.views[0].steps[-1].params == {"patches": shape[0] * shape[1], "removed": removed, "blocks": ()}
    (again,) = browse(load_config(MAE, options), seed=0)
    np.testing.assert_array_equal(again.mask, sample.mask)
    (other,) = browse(load_config(MAE, options), seed=1)
    assert not np.array_equal(other.mask, sample.mask)


def test_a_model_without_a_ratio_draws_none(photos: Photos) -> None:
    (sample,) = browse(CONFIG, n=1, options=where(photos()))
    assert sample.mask is None


def test_mixmim_removes_half_when_its_config_says_nothing(photos: Photos) -> None:
    config = "configs/selfsup/mixmim/mixmim-base-p16_16xb128-coslr-300e_in1k.py"
    (sample,) = browse(config, n=1, options=where(photos()))
    assert sample.mask is not None
    assert sample.mask.sum() == 24
