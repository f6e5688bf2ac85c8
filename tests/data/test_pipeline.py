from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from selfscope.config.reader import load_config
from selfscope.config.registry import TRANSFORMS
from selfscope.data.colour import RandomSolarize
from selfscope.data.ends import ToPIL
from selfscope.data.pipeline import build_transforms, run, short_name, type_names
from selfscope.data.spatial import ResizeEdge
from selfscope.data.trace import Trace
from selfscope.errors import ConfigError, UsageError

NOISE = np.random.default_rng(9).integers(0, 256, (20, 30, 3), dtype=np.uint8)


class Invert:
    """As OpenMMLab's transforms are called; it writes into the image it was given."""

    def __init__(self, by: int = 255) -> None:
        self.by = by

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        results["img"][:] = self.by - results["img"]
        return results


class ThreeDice:
    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        results["dice"] = (random.random(), float(np.random.rand()), float(torch.rand(1)))  # noqa: NPY002
        return results


class NeedsPillow:
    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        assert isinstance(results["img"], Image.Image)
        results["img"] = results["img"].resize((5, 4))
        return results


@pytest.fixture
def registered() -> Iterator[None]:
    for kind in (Invert, ThreeDice, NeedsPillow):
        TRANSFORMS.register(kind)
    yield
    for kind in (Invert, ThreeDice, NeedsPillow):
        del TRANSFORMS._registered[kind.__name__]


def apply(pipeline: list[Any], seed: int = 0) -> dict[str, Any]:
    results = {"img": NOISE, "trace": Trace(30, 20)}
    return run(build_transforms(pipeline), results, np.random.default_rng(seed))[0]


@pytest.mark.usefixtures("registered")
def test_openmmlab_style_transforms_work_and_cannot_harm_what_they_are_given() -> None:
    before = NOISE.copy()
    results = apply([{"type": "Invert"}])
    np.testing.assert_array_equal(results["img"], 255 - before)
    np.testing.assert_array_equal(NOISE, before)
    assert [step.name for step in results["trace"].steps] == ["Invert"]
    assert results["trace"].known


@pytest.mark.usefixtures("registered")
def test_foreign_randomness_comes_from_the_sample_and_leaves_the_globals_alone() -> None:
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    first, again, other = (apply([{"type": "ThreeDice"}], seed)["dice"] for seed in (1, 1, 2))
    assert first == again
    assert all(a != b for a, b in zip(first, other, strict=True))
    assert random.getstate() == states[0]
    assert np.random.get_state()[1].tolist() == states[1]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), states[2])


def test_global_seeds_are_restored_after_an_error() -> None:
    class Fails:
        def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
            raise KeyError(random.random())

    state = random.getstate()
    with pytest.raises(KeyError):
        apply([Fails()])
    assert random.getstate() == state


@pytest.mark.usefixtures("registered")
def test_pillow_images_for_those_who_asked() -> None:
    results = apply([{"type": "ToPIL", "to_rgb": True}, {"type": "NeedsPillow"}, {"type": "ToNumpy", "to_bgr": True}])
    assert results["img"].shape == (4, 5, 3)
    assert not results["trace"].known  # the size changed, nobody knows how


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (None, "returned NoneType"),
        ({"img": NOISE.astype(np.float32)}, "float32"),
        ({"img": NOISE[..., :2]}, r"\(20, 30, 2\)"),
    ],
)
def test_foreign_results_are_checked(made: Any, words: str) -> None:
    class Odd:
        def __call__(self, results: dict[str, Any]) -> Any:
            return made

    with pytest.raises(ConfigError, match=f"Odd.*{words}"):
        apply([Odd()])


def test_grey_images_of_foreign_transforms_get_three_channels() -> None:
    class Grey:
        def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
            return {**results, "img": results["img"][..., 0]}

    np.testing.assert_array_equal(apply([Grey()])["img"], np.repeat(NOISE[..., :1], 3, axis=2))


def test_transforms_may_be_objects_and_functions(rng: np.random.Generator) -> None:
    def halve(results: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        return {**results, "img": results["img"] // 2}

    built = build_transforms([RandomSolarize(prob=0.0), halve])
    np.testing.assert_array_equal(run(built, {"img": NOISE}, rng)[0]["img"], NOISE // 2)
    with pytest.raises(ConfigError, match="expected a transform"):
        build_transforms([3])


PIPELINE = [
    {"type": "LoadImageFromFile"},
    {
        "type": "MultiView",
        "num_views": [1, 1],
        "transforms": [
            [{"type": "mmcls.ResizeEdge", "scale": 8}, {"type": "RandomSolarize", "prob": 0.0}],
            [{"type": "RandomApply", "transforms": [{"type": "RandomSolarize"}, {"type": "RandomFlip", "prob": 1.0}]}],
        ],
    },
    {"type": "PackSelfSupInputs"},
]


def test_skips_reach_inside() -> None:
    _, views, _ = build_transforms(PIPELINE, skip=["RandomSolarize"])
    first, second = views.transforms  # type: ignore[attr-defined]
    assert first == (ResizeEdge(8),)
    assert [type(t).__name__ for t in second[0].transforms] == ["RandomFlip"]
    shorter = build_transforms(PIPELINE, skip=["mmcls.ResizeEdge", "PackSelfSupInputs"])
    assert len(shorter) == 2


def test_skipping_what_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"'RandomSolarise' is not in the pipeline.*Did you mean 'RandomSolarize'"):
        build_transforms(PIPELINE, skip=["RandomSolarise"])
    assert list(type_names(PIPELINE))[:4] == ["LoadImageFromFile", "MultiView", "ResizeEdge", "RandomSolarize"]


def test_configs_are_not_modified() -> None:
    before = repr(PIPELINE)
    build_transforms(PIPELINE, skip=["RandomFlip"])
    assert repr(PIPELINE) == before


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mmcls.ResizeEdge", "ResizeEdge"), ("mmcls.torchvision/Resize", "torchvision/Resize"), ("a.b.C", "a.b.C")],
)
def test_short_names(name: str, expected: str) -> None:
    assert short_name(name) == expected


CONFIG = """pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='MultiView',
        num_views=1,
        transforms=[[
            {inner},
        ]]),
]
"""


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        ("dict(type='RandomFlp', prob=0.5)", "unknown transform 'RandomFlp'. Did you mean 'RandomFlip'"),
        ("dict(type='RandomFlip', probability=0.5)", "RandomFlip takes no argument 'probability'"),
        ("dict(type='RandomFlip', prob=1.5)", "RandomFlip: prob=1.5: expected a probability"),
        ("dict(type='Resize', scale=(3, 4, 5))", "Resize: scale=.*expected a positive integer or two"),
        ("dict(prob=1.5)", "names a transform"),
        ("dict(type='torchvision/Resise', size=3)", "no class 'Resise'.*Did you mean 'Resize'"),
    ],
)
def test_mistakes_name_file_and_line_when_the_pipeline_is_built(tmp_path: Path, inner: str, words: str) -> None:
    (tmp_path / "c.py").write_text(CONFIG.format(inner=inner))
    config = load_config(tmp_path / "c.py")
    with pytest.raises(ConfigError, match=rf"c\.py:7: .*{words}") as caught:
        build_transforms(config["pipeline"])
    assert str(caught.value).count("c.py") == 1


def test_packing_ends_a_pipeline() -> None:
    built = build_transforms([{"type": "PackSelfSupInputs"}, ToPIL()])
    before, packed = run(built, {"img": NOISE}, np.random.default_rng(0))
    assert "inputs" not in before
    assert packed is not None
    assert packed["inputs"][0].shape == (3, 20, 30)
