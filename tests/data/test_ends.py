from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from selfscope.data.ends import LoadImageFromFile, PackClsInputs, PackSelfSupInputs
from selfscope.errors import ConfigError

from .sources_of_pictures import PHOTO

NOISE = np.random.default_rng(11).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def test_loading(ancestor: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    results = LoadImageFromFile(imdecode_backend="pillow")({"img_path": str(PHOTO)}, rng)
    np.testing.assert_array_equal(results["img"], ancestor["decoded"])
    assert results["original"] is results["img"]
    assert results["ori_shape"] == results["img_shape"] == (72, 96)


def test_tensors_are_channels_first_in_memory_of_their_own(rng: np.random.Generator) -> None:
    packed = PackSelfSupInputs()({"img": [NOISE[:, ::-1], NOISE[:3]]}, rng)
    first, second = packed["inputs"]
    assert first.dtype == torch.uint8
    np.testing.assert_array_equal(first.numpy(), NOISE[:, ::-1].transpose(2, 0, 1))
    assert second.shape == (3, 3, 8)
    second.zero_()
    assert NOISE.any(axis=(1, 2)).all()


def test_self_supervised_samples(rng: np.random.Generator) -> None:
    results = {
        "img": NOISE,
        "img_path": "a.jpg",
        "gt_label": 3,
        "sample_idx": 7,
        "mask": np.eye(4, dtype=np.uint8),
        "patch_box": np.zeros((1, 9, 4), int),
        "patch_label": [[0, 1]],
    }
    pack = PackSelfSupInputs(
        algorithm_keys=["mask", "sample_idx", "gt_label"],
        pseudo_label_keys=["patch_box", "patch_label"],
        meta_keys=["img_path"],
    )
    sample = pack(results, rng)["data_samples"]
    np.testing.assert_array_equal(sample.mask.value, np.eye(4))
    assert sample.sample_idx.value.tolist() == [7]
    assert sample.pseudo_label.patch_box.shape == (1, 9, 4)
    assert sample.pseudo_label.patch_label.tolist() == [[0, 1]]
    assert sample.gt_label.label.tolist() == [3]
    assert sample.metainfo == {"img_path": "a.jpg"}


def test_classification_samples_take_what_there_is(rng: np.random.Generator) -> None:
    packed = PackClsInputs()({"img": NOISE, "img_path": "a.jpg", "flip": False}, rng)
    assert packed["data_samples"].metainfo == {"flip": False, "img_path": "a.jpg"}
    assert "gt_label" not in packed["data_samples"]


def test_what_no_transform_made_cannot_be_packed(rng: np.random.Generator) -> None:
    with pytest.raises(ConfigError, match=r"under 'masks'.*Did you mean 'mask'"):
        PackSelfSupInputs(algorithm_keys=["masks"])({"img": NOISE, "mask": 0}, rng)
    with pytest.raises(ConfigError, match="under 'img'"):
        PackSelfSupInputs()({}, rng)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"to_float32": True}, "stay bytes"),
        ({"color_type": "grayscale"}, "'color'"),
        ({"backend_args": {"backend": "petrel"}}, "'local'"),
    ],
)
def test_loaders_that_are_not_there(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        LoadImageFromFile(**arguments)
