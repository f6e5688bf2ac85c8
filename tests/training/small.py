"""A training small enough for a test: a masked autoencoder on 16-pixel pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selfscope.config.values import Config

PIPELINE = [
    {"type": "LoadImageFromFile"},
    {"type": "RandomResizedCrop", "size": 16, "scale": (0.4, 1.0)},
    {"type": "RandomFlip", "prob": 0.5},
    {"type": "PackSelfSupInputs", "meta_keys": ["img_path"]},
]
VIT = {"embed_dims": 16, "num_layers": 2, "num_heads": 2, "feedforward_channels": 32}
MAE = {
    "type": "MAE",
    "data_preprocessor": {"mean": [120, 120, 120], "std": [60, 60, 60], "bgr_to_rgb": True},
    "backbone": {"type": "MAEViT", "arch": VIT, "img_size": 16, "patch_size": 4, "drop_path_rate": 0.3},
    "neck": {
        "type": "MAEPretrainDecoder",
        "num_patches": 16,
        "patch_size": 4,
        "embed_dim": 16,
        "decoder_embed_dim": 16,
        "decoder_depth": 1,
        "decoder_num_heads": 2,
    },
    "head": {"type": "MAEPretrainHead", "norm_pix": False, "patch_size": 4},
}


def small_config(root: Path, *, batch_size: int = 4, max_epochs: int = 3, **changes: Any) -> Config:
    """MAE on every picture below `root`; `changes` replace top-level entries."""
    dataset = {"type": "CustomDataset", "data_root": str(root), "ann_file": "", "pipeline": PIPELINE}
    values: dict[str, Any] = {
        "model": MAE,
        "train_dataloader": {"batch_size": batch_size, "num_workers": 0, "dataset": dataset},
        "optim_wrapper": {
            "type": "OptimWrapper",
            "optimizer": {"type": "AdamW", "lr": 2e-3, "weight_decay": 0.05},
            "clip_grad": {"max_norm": 1.0},
        },
        "train_cfg": {"type": "EpochBasedTrainLoop", "max_epochs": max_epochs},
        "param_scheduler": [
            {"type": "LinearLR", "start_factor": 0.1, "begin": 0, "end": 1, "convert_to_iter_based": True},
            {"type": "CosineAnnealingLR", "begin": 1, "convert_to_iter_based": True},
        ],
        "default_hooks": {
            "checkpoint": {"type": "CheckpointHook", "interval": 1},
            "logger": {"type": "LoggerHook", "interval": 1},
        },
        "randomness": {"seed": 7},
    }
    return Config({**values, **changes})


def losses(run: Path) -> dict[int, float]:
    """The loss of each step, as the run's `scalars.json` has it; a step that was logged twice must agree."""
    import json

    found: dict[int, float] = {}
    for line in (run / "vis_data" / "scalars.json").read_text(encoding="utf-8").splitlines():
        values: Mapping[str, Any] = json.loads(line)
        if "loss" in values:
            assert found.setdefault(values["step"], values["loss"]) == values["loss"]
    return found
