from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from selfscope.draw.compose import side_by_side
from selfscope.draw.mask import overlay
from selfscope.draw.shapes import draw_bboxes
from selfscope.draw.show import sample_photo
from selfscope.errors import RecordError, RunError, UsageError
from selfscope.structures import InstanceData, SelfSupDataSample
from selfscope.visualization.selfsup import SelfSupVisualizer
from tests.visualization.fakes import Remembering

PHOTO = sample_photo(54, 72)
RGB_BASE = sample_photo(40, 40, seed=3)
BOXES = np.array([[2, 2, 12, 12], [20, 8, 36, 30]], np.float32)
MASK = np.random.default_rng(0).random((5, 7)) < 0.6


class Bag:
    """An object with attributes, as MMEngine's data elements are."""

    def __init__(self, **values):
        self.__dict__.update(values)


def masked(mask=MASK, kind=SelfSupDataSample, inner=InstanceData):
    return kind(mask=inner(value=torch.from_numpy(mask)))


def boxed(kind=SelfSupDataSample, inner=InstanceData):
    bgr = torch.from_numpy(RGB_BASE[None, ..., ::-1].copy())
    return kind(pseudo_label=inner(patch_box=torch.from_numpy(BOXES)[None], unpatched_img=bgr))


def drawn(*samples, **options) -> np.ndarray:
    fake = Remembering()
    with SelfSupVisualizer(vis_backends=fake) as vis:
        vis.add_datasample("a", PHOTO, *samples, **options)
    (record,) = fake.records
    return record.pixels


MASK_PICTURE = overlay(PHOTO, MASK, "k", 0.8)
BOX_PICTURE = draw_bboxes(RGB_BASE, BOXES, edge_colors="r", line_widths=3, alpha=0.8)


@pytest.mark.parametrize("kinds", [{}, {"kind": Bag, "inner": Bag}], ids=["ours", "by attributes"])
def test_a_mask_lies_over_the_image_and_boxes_on_their_own_picture_in_rgb(kinds):
    np.testing.assert_array_equal(drawn(masked(**kinds)), MASK_PICTURE)
    np.testing.assert_array_equal(drawn(boxed(**kinds)), BOX_PICTURE)


def test_a_prediction_alone_is_drawn_like_a_ground_truth():
    np.testing.assert_array_equal(drawn(None, masked()), MASK_PICTURE)
    np.testing.assert_array_equal(drawn(None, boxed()), BOX_PICTURE)
    np.testing.assert_array_equal(drawn(masked(), boxed(), draw_gt=False), BOX_PICTURE)
    np.testing.assert_array_equal(drawn(masked(), boxed(), draw_pred=False), MASK_PICTURE)


def test_truth_and_prediction_stand_side_by_side_with_a_gap():
    picture = drawn(masked(), masked(~MASK))
    np.testing.assert_array_equal(picture, side_by_side([MASK_PICTURE, overlay(PHOTO, ~MASK, "k", 0.8)]))
    assert picture.shape[1] > 2 * PHOTO.shape[1]


def test_a_sample_with_nothing_to_draw_is_the_image():
    rotation = SelfSupDataSample(pseudo_label=InstanceData(rot_label=torch.tensor([0, 1, 2, 3])))
    for samples in ((rotation,), (), (None, None), (SelfSupDataSample(),)):
        np.testing.assert_array_equal(drawn(*samples), PHOTO)


def test_masks_need_not_divide_the_image():
    large = sample_photo(108, 90)
    fake = Remembering()
    with SelfSupVisualizer(vis_backends=fake, alpha=1.0) as vis:
        vis.add_datasample("a", large, masked(np.ones((14, 14))))
        vis.add_datasample("a", large, masked(np.zeros((14, 14))))
    np.testing.assert_array_equal(fake.records[1].pixels, large)
    assert (fake.records[0].pixels != large).any(axis=2).all()


def test_a_mask_of_another_shape_is_one_sentence():
    with pytest.raises(RecordError, match=r"mask: expected \(h, w\) of patches, got \(2, 5, 7\)"):
        drawn(masked(np.stack([MASK, MASK])))


def test_integer_images_of_a_batch_of_one_are_taken():
    label = InstanceData(
        patch_box=torch.from_numpy(BOXES)[None], unpatched_img=torch.from_numpy(RGB_BASE[None, ..., ::-1].astype(int))
    )
    np.testing.assert_array_equal(drawn(SelfSupDataSample(pseudo_label=label)), BOX_PICTURE)


def test_the_picture_is_also_written_to_a_file(tmp_path):
    path = tmp_path / "deep" / "épreuve 1.png"
    picture = drawn(masked(), out_file=path, step=3)
    np.testing.assert_array_equal(np.asarray(Image.open(path)), picture)
    with pytest.raises(UsageError, match=r"no picture format has the suffix '\.picture'"):
        drawn(masked(), out_file=tmp_path / "a.picture")
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"):
        drawn(masked(), out_file=tmp_path / "file" / "a.png")


def test_show_also_stores(monkeypatch, caplog):
    monkeypatch.setattr("selfscope.visualization.window.display_missing", lambda: "there is no display")
    np.testing.assert_array_equal(drawn(masked(), show=True), MASK_PICTURE)
    assert "a: not shown, since there is no display" in caplog.text
