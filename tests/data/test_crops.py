from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torchvision.transforms import RandomResizedCrop as TorchvisionCrop

from selfscope.data.crops import (
    CenterCrop,
    MAERandomResizedCrop,
    RandomCrop,
    RandomResizedCrop,
    TwoSizesCrop,
    draw_crop,
)
from selfscope.data.resample import resize
from selfscope.data.spatial import ResizeEdge
from selfscope.errors import ConfigError

NOISE = np.random.default_rng(5).integers(0, 256, (60, 80, 3), dtype=np.uint8)
SIZES = [(1, 1), (1, 50), (20000, 3), (3, 20000), (37, 53)]


@pytest.mark.parametrize("backend", ["cv2", "pillow"])
def test_extraction_pipeline_gives_the_ancestors_pixels(
    ancestor: dict[str, np.ndarray], rng: np.random.Generator, backend: str
) -> None:
    results = ResizeEdge(48, backend=backend)({"img": ancestor["decoded"]}, rng)
    np.testing.assert_array_equal(CenterCrop(40)(results, rng)["img"], ancestor[f"tsne/{backend}"])


@pytest.mark.parametrize(("width", "height"), [*SIZES, (500, 375)])
@pytest.mark.parametrize("scale", [(0.08, 1.0), (1.0, 1.0), (0.2, 0.2)])
def test_drawn_boxes_lie_inside_and_hold_to_scale_and_ratio(
    width: int, height: int, scale: tuple[float, float], rng: np.random.Generator
) -> None:
    ratio = (3 / 4, 4 / 3)
    for _ in range(200):
        x, y, w, h = draw_crop(rng, width, height, scale=scale, ratio=ratio)
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height
        assert w >= 1
        assert h >= 1
        if min(width, height) > 300 and scale == (0.2, 0.2):
            assert w * h / (width * height) == pytest.approx(0.2, abs=0.01)
            assert ratio[0] - 0.01 < w / h < ratio[1] + 0.01


def test_boxes_are_distributed_as_torchvisions(rng: np.random.Generator) -> None:
    ours = np.array([draw_crop(rng, 500, 375, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3)) for _ in range(4000)], float)
    torch.manual_seed(0)
    blank = torch.zeros(3, 375, 500)
    theirs = [TorchvisionCrop.get_params(blank, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(4000)]
    expected = np.array(theirs, float)[:, [1, 0, 3, 2]]  # i, j, h, w -> x, y, w, h
    error = 4 * np.sqrt((ours.var(0) + expected.var(0)) / 4000)  # four standard errors of the difference
    assert (np.abs(ours.mean(0) - expected.mean(0)) < error).all()
    np.testing.assert_allclose(
        np.quantile(ours, [0.1, 0.5, 0.9], 0), np.quantile(expected, [0.1, 0.5, 0.9], 0), atol=25
    )


def test_a_random_crop_is_the_cut_at_the_box_on_record(rng: np.random.Generator) -> None:
    crop = RandomResizedCrop(size=(20, 30), scale=(0.2, 1.0), interpolation="bicubic", backend="pillow")
    results = crop({"img": NOISE}, rng)
    step = results["trace"].steps[0]
    x, y, w, h = (step.params[name] for name in "xywh")
    expected = resize(NOISE[y : y + h, x : x + w], (30, 20), interpolation="bicubic", backend="pillow")
    np.testing.assert_allclose(results["img"].astype(int), expected, atol=2)  # torch's kernels of Pillow's filter
    assert results["img_shape"] == (20, 30)
    assert results["trace"].crop(30, 20) == (x, y, w, h)


@pytest.mark.parametrize(
    "arguments",
    [
        {"size": 224, "scale": (0.2, 1.0), "ratio": (0.5, 2.0)},
        {"scale": 224, "crop_ratio_range": (0.2, 1.0), "aspect_ratio_range": (0.5, 2.0)},
        {"scale": (224, 224), "crop_ratio_range": [0.2, 1.0], "aspect_ratio_range": [0.5, 2.0]},
    ],
)
def test_both_spellings_mean_the_same(arguments: dict[str, Any], rng: np.random.Generator) -> None:
    crop = RandomResizedCrop(**arguments)
    assert (crop.size, crop.scale, crop.ratio) == ((224, 224), (0.2, 1.0), (0.5, 2.0))


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize(
    "crop",
    [
        RandomResizedCrop(size=8),
        RandomResizedCrop(size=8, interpolation="bicubic", backend="pillow"),
        MAERandomResizedCrop(size=8, interpolation=3),
        RandomCrop(size=8, pad_if_needed=True, padding_mode="reflect"),
        RandomCrop(size=8, pad_if_needed=True, pad_val=(1, 2, 3)),
    ],
)
def test_odd_sizes(crop: Any, width: int, height: int, rng: np.random.Generator) -> None:
    pixels = np.zeros((height, width, 3), np.uint8)
    assert crop({"img": pixels}, rng)["img"].shape == (8, 8, 3)


def test_centre_crops_round_halves_to_even_as_python_does(rng: np.random.Generator) -> None:
    results = CenterCrop(224)({"img": np.zeros((256, 341, 3), np.uint8)}, rng)
    assert results["trace"].crop(224, 224) == (58, 16, 224, 224)  # 58.5 -> 58
    small = CenterCrop((10, 300))({"img": np.zeros((20, 5, 3), np.uint8)}, rng)
    assert small["img"].shape == (20, 5, 3)


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
def test_padding_is_numpys(mode: str, rng: np.random.Generator) -> None:
    options = {"constant_values": 7} if mode == "constant" else {}
    padded = np.pad(NOISE, ((2, 4), (1, 3), (0, 0)), mode=mode, **options)  # type: ignore[call-overload]
    crop = RandomCrop(size=(66, 84), padding=(1, 2, 3, 4), pad_val=7, padding_mode=mode)
    results = crop({"img": NOISE}, rng)
    np.testing.assert_array_equal(results["img"], padded)
    assert results["trace"].crop(84, 66) == (0, 0, 80, 60)
    assert results["trace"].steps[0].params["x"] == -1


def test_two_sizes_show_the_same_place(rng: np.random.Generator) -> None:
    crop = TwoSizesCrop(size=24, second_size=12, interpolation="bicubic", second_interpolation="lanczos")
    results = crop({"img": NOISE}, rng)
    first, second = results["trace"]
    assert first.crop(24, 24) == second.crop(12, 12)
    assert [image.shape[0] for image in results["img"]] == [24, 12]
    assert results["view_names"] == ["view", "target"]
    assert TwoSizesCrop(size=24, interpolation="random")({"img": NOISE}, rng)["img"].shape == (24, 24, 3)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: RandomResizedCrop(), "needs the argument 'size'"),
        (lambda: RandomResizedCrop(size=224, scale=(1.0, 0.2)), "scale=.*within 0..1"),
        (lambda: RandomResizedCrop(size=0), "positive integer"),
        (lambda: RandomResizedCrop(size="big"), "positive integer"),
        (lambda: RandomResizedCrop(size=224, ratio=(0.0, 1.0)), "positive aspect ratios"),
        (lambda: RandomResizedCrop(size=224, backend="opencv"), "'cv2' or 'pillow'"),
        (lambda: RandomCrop(), "needs the argument 'size'"),
        (lambda: RandomCrop(size=2, padding=(1, 2, 3)), "one, two or four"),
        (lambda: RandomCrop(size=2, padding_mode="mirror"), "'reflect'"),
        (lambda: CenterCrop(2.5), "positive integer"),
        (lambda: CenterCrop(2, auto_pad=True), "not supported"),
    ],
)
def test_what_cannot_be_is_refused_when_built(make: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()
