from __future__ import annotations

from selfscope.views.sizes import input_size, pipeline_size


def test_the_last_sizing_step_counts() -> None:
    steps = [
        {"type": "LoadImageFromFile"},
        {"type": "mmcls.ResizeEdge", "scale": 256},
        {"type": "CenterCrop", "crop_size": 224},
    ]
    assert pipeline_size(steps) == 224
    assert pipeline_size([{"type": "Resize", "scale": (192, 192)}, {"type": "PackSelfSupInputs"}]) == 192
    assert pipeline_size([{"type": "torchvision/RandomResizedCrop", "size": 96, "scale": (0.2, 1.0)}]) == 96


def test_views_are_looked_into() -> None:
    view = [{"type": "RandomResizedCrop", "size": 160, "scale": (0.2, 1.0)}, {"type": "RandomFlip"}]
    assert pipeline_size([{"type": "MultiView", "num_views": 2, "transforms": [view]}]) == 160


def test_a_scale_of_areas_is_no_size() -> None:
    assert pipeline_size([{"type": "RandomResizedCrop", "scale": (0.2, 1.0)}]) is None


def test_extraction_comes_before_the_models_own_size() -> None:
    config = {
        "model": {"backbone": {"img_size": 192}},
        "extract_dataloader": {"dataset": {"pipeline": [{"type": "CenterCrop", "crop_size": 224}]}},
    }
    assert input_size(config) == 224
    assert input_size({"model": config["model"]}) == 192
    assert input_size({}) == 224
