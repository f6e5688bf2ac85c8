from __future__ import annotations

import numpy as np
import pytest

from selfscope.errors import RecordError
from selfscope.structures import Features, InstanceData, SelfSupDataSample


def test_samples_are_read_and_copied_as_in_mmengine():
    sample = SelfSupDataSample(metainfo={"img_path": "a.jpg"}, mask=InstanceData(value=1))
    assert ("mask" in sample, "img_path" in sample, "label" in sample) == (True, True, False)
    assert (sample.keys(), sample.metainfo, sample.get("label", 3)) == (["mask"], {"img_path": "a.jpg"}, 3)
    copied = sample.clone()
    copied.set_metainfo({"ori_shape": (3, 4)})
    assert (type(copied), copied.metainfo) == (SelfSupDataSample, {"img_path": "a.jpg", "ori_shape": (3, 4)})
    assert (sample.metainfo, copied.mask) == ({"img_path": "a.jpg"}, sample.mask)


def test_what_was_taken_out_of_a_sample_is_no_longer_described():
    sample = SelfSupDataSample(metainfo={"img_path": "a.jpg", "ori_shape": (3, 4)}, mask=1)
    assert sample.pop("img_path") == "a.jpg"
    del sample.ori_shape
    assert (sample.metainfo, sample.clone().keys()) == ({}, ["mask"])


def test_features_have_one_length():
    with pytest.raises(RecordError, match=r"expected \(N, D\) arrays with one N"):
        Features({"a": np.zeros((3, 2)), "b": np.zeros((4, 2))})
    with pytest.raises(RecordError, match="features: 2 labels for 3 items"):
        Features({"a": np.zeros((3, 2))}, labels=np.zeros(2, np.int64))
    features = Features({"a": np.ones((3, 2)), "b": np.zeros((3, 5))})
    assert (len(features), np.asarray(features).shape) == (3, (3, 2))
