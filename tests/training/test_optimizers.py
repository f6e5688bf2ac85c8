"""LARS against its paper's formula, and parameter groups by OpenMMLab's names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from selfscope.errors import ConfigError
from selfscope.models.build import build_model
from selfscope.training.lars import LARS
from selfscope.training.optimizers import build_optimizer
from tests.training.small import MAE


def slow_lars(
    weight: np.ndarray, gradients: list[np.ndarray], lr: float, momentum: float, decay: float, eta: float
) -> np.ndarray:
    """The paper's algorithm 1 in plain numpy."""
    velocity = np.zeros_like(weight)
    for gradient in gradients:
        size, slope = np.linalg.norm(weight), np.linalg.norm(gradient)
        local = eta * size / (slope + decay * size) if size > 0 and slope > 0 else 1.0
        velocity = momentum * velocity + local * lr * (gradient + decay * weight)
        weight = weight - velocity
    return weight


@pytest.mark.parametrize(("momentum", "decay"), [(0.0, 0.0), (0.9, 0.0), (0.9, 1e-3)])
def test_lars_is_the_papers(momentum: float, decay: float) -> None:
    rng = np.random.default_rng(0)
    starts = [rng.normal(size=(4, 3)), rng.normal(size=5), np.zeros(3)]
    gradients = [[rng.normal(size=start.shape) for start in starts] for _ in range(6)]
    weights = [nn.Parameter(torch.tensor(start)) for start in starts]
    lars = LARS(weights, lr=2.0, momentum=momentum, weight_decay=decay, eta=0.01, eps=0.0)
    for step in gradients:
        for weight, gradient in zip(weights, step, strict=True):
            weight.grad = torch.tensor(gradient)
        lars.step()
    for place, weight in enumerate(weights):
        expected = slow_lars(starts[place], [step[place] for step in gradients], 2.0, momentum, decay, 0.01)
        np.testing.assert_allclose(weight.detach().numpy(), expected, rtol=1e-10)


def test_an_excluded_group_of_lars_is_sgd() -> None:
    start = torch.randn(3, 2, generator=torch.Generator().manual_seed(0))
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    lars = LARS([{"params": [ours], "lars_exclude": True}], lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True)
    sgd = torch.optim.SGD([theirs], lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True)
    for step in range(4):
        for weight, optimizer in ((ours, lars), (theirs, sgd)):
            weight.grad = torch.full_like(weight, 0.3 + step)
            optimizer.step()
    torch.testing.assert_close(ours, theirs)


def groups(paramwise: dict[str, Any], model: nn.Module | None = None, **options: Any) -> list[dict[str, Any]]:
    made = model or build_model(MAE, seed=0)
    settings = {"type": "AdamW", "lr": 1.0, "weight_decay": 0.5, **options}
    return build_optimizer(settings, paramwise, made).param_groups


def test_every_parameter_that_learns_is_in_one_group() -> None:
    model = build_model(MAE, seed=0)
    rules = {"norm_decay_mult": 0.0, "bias_decay_mult": 0.0, "custom_keys": {"token": {"decay_mult": 0.0}}}
    made = groups(rules, model)
    ids = [id(parameter) for group in made for parameter in group["params"]]
    assert sorted(ids) == sorted(id(parameter) for parameter in model.parameters() if parameter.requires_grad)


def test_keys_name_parameters_as_openmmlab_does() -> None:
    """The rules of MMSelfSup's MAE: its layer norms are called ln, ours are not."""
    keys = {key: {"decay_mult": 0.0} for key in ("ln", "bias", "pos_embed", "mask_token", "cls_token")}
    kept, decaying = groups({"custom_keys": keys})
    assert (decaying["weight_decay"], kept["weight_decay"]) == (0.5, 0.0)
    assert all(name.endswith("weight") and ".ln" not in name for name in decaying["names"])
    assert {"backbone.layers.0.ln1.weight", "backbone.ln1.weight", "neck.ln1.bias"} <= set(kept["names"])
    assert {"backbone.cls_token", "neck.mask_token", "backbone.patch_embed.projection.bias"} <= set(kept["names"])


def test_the_longest_key_wins_and_takes_all_its_entries() -> None:
    keys = {"neck": {"lr_mult": 0.5}, "neck.decoder_pred": {"lr_mult": 0.1, "fix_lr": True}}
    made = groups({"custom_keys": keys, "norm_decay_mult": 0.0})
    by_name = {name: group for group in made for name in group["names"]}
    assert by_name["neck.decoder_pred.weight"]["lr"] == 0.1
    assert by_name["neck.decoder_pred.weight"]["fix_lr"] is True
    assert by_name["neck.mask_token"]["lr"] == 0.5
    assert by_name["neck.ln1.weight"]["weight_decay"] == 0.5  # a custom key leaves no other rule to apply
    assert by_name["backbone.ln1.weight"]["weight_decay"] == 0.0


def test_multipliers_by_kind_of_module() -> None:
    class Parts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.depthwise = nn.Conv2d(4, 4, 3, groups=4)
            self.bn = nn.BatchNorm2d(4)
            self.fc = nn.Linear(4, 2)
            self.scale = nn.Parameter(torch.ones(4))
            self.frozen = nn.Parameter(torch.ones(4), requires_grad=False)

    rules = {"bias_lr_mult": 2.0, "bias_decay_mult": 0.2, "norm_decay_mult": 0.3, "dwconv_decay_mult": 0.4}
    made = groups({**rules, "flat_decay_mult": 0.6}, Parts())
    found = {name: (group["lr"], group["weight_decay"]) for group in made for name in group["names"]}
    assert found == {
        "depthwise.weight": (1.0, 0.2),
        "depthwise.bias": (2.0, 0.1),
        "bn.weight": (1.0, 0.15),
        "bn.bias": (1.0, 0.15),
        "fc.weight": (1.0, 0.5),
        "fc.bias": (2.0, 0.1),
        "scale": (1.0, 0.3),
    }


@pytest.mark.parametrize(
    ("config", "paramwise", "message"),
    [
        ({"type": "AdmW", "lr": 1}, {}, "unknown optimizer 'AdmW'. Did you mean 'AdamW'"),
        ({"type": "SGD", "lr": 1, "momentums": 0.9}, {}, "SGD takes no argument 'momentums'. Did you mean 'momentum'"),
        ({"type": "SGD", "lr": -1}, {}, "SGD cannot be built"),
        ({"type": "SGD", "lr": 1}, {"bias_decay": 0}, "no 'bias_decay'. Did you mean 'bias_decay_mult'"),
        ({"type": "SGD", "lr": 1}, {"custom_keys": {"bias": 0}}, r"custom_keys\['bias'\]"),
        ({"type": "SGD", "lr": 1}, {"bias_decay_mult": 0.0}, "no weight_decay that it would multiply"),
    ],
)
def test_refusals(config: dict[str, Any], paramwise: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_optimizer(config, paramwise, build_model(MAE, seed=0))


def test_torchs_own_by_their_path() -> None:
    optimizer = build_optimizer({"type": "torch.optim.Adamax", "lr": 0.1}, None, build_model(MAE, seed=0))
    assert isinstance(optimizer, torch.optim.Adamax)


@pytest.mark.parametrize("kind", ["AdamW", "SGD", "LARS"])
def test_fused_is_the_same_optimizer(kind: str) -> None:
    settings = {"type": kind, "lr": 0.01, "weight_decay": 0.1}
    plain, fused = build_model(MAE, seed=0), build_model(MAE, seed=0)
    optimizers = build_optimizer(settings, None, plain), build_optimizer(settings, None, fused, fused=True)
    assert [optimizer.param_groups[0].get("fused") for optimizer in optimizers] == [
        None,
        None if kind == "LARS" else True,
    ]
    for step in range(5):
        for model, optimizer in zip((plain, fused), optimizers, strict=True):
            for weight in model.parameters():
                weight.grad = torch.sin(weight.detach() * 7 + step)
            optimizer.step()
    for a, b in zip(plain.parameters(), fused.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_what_a_config_says_of_its_form_is_kept() -> None:
    settings = {"type": "AdamW", "lr": 0.01, "foreach": False}
    assert not build_optimizer(settings, None, build_model(MAE, seed=0), fused=True).param_groups[0]["fused"]
