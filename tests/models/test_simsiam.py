"""SimSiam's loss against its paper's pseudocode, and the small ResNet that it learns CIFAR with."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from selfscope.errors import ConfigError, ModelError
from selfscope.models.build import build_model
from selfscope.models.simsiam import LatentPredictHead

CONFIG: dict[str, Any] = {
    "type": "SimSiam",
    "backbone": {"type": "ResNet_CIFAR", "depth": 18, "base_channels": 4, "out_indices": [4]},
    "neck": {
        "type": "NonLinearNeck",
        "in_channels": 32,
        "hid_channels": 16,
        "out_channels": 16,
        "num_layers": 3,
        "with_last_bn_affine": False,
    },
    "head": {
        "type": "LatentPredictHead",
        "loss": {"type": "CosineSimilarityLoss"},
        "predictor": {
            "type": "NonLinearNeck",
            "in_channels": 16,
            "hid_channels": 8,
            "out_channels": 16,
            "with_last_bn": False,
            "with_last_bias": True,
        },
    },
}


def views(n: int = 4) -> list[torch.Tensor]:
    return [torch.randn(n, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]


def test_the_loss_is_the_papers() -> None:
    """D(p, z) = -cosine with z held fixed, both ways, halved; gradients flow through the predictor's side alone."""
    model: Any = build_model(CONFIG, scope="mmselfsup", seed=0).train()
    loss = model.loss(views())
    loss.backward()
    gradients = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad()
    z1, z2 = (model.neck(model.backbone(view)[-1].map.mean((2, 3))) for view in views())
    p1, p2 = model.head.predictor(z1), model.head.predictor(z2)

    def distance(p: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        p, z = F.normalize(p, dim=1), F.normalize(z.detach(), dim=1)
        return -(p * z).sum(1).mean()

    slow = distance(p1, z2) / 2 + distance(p2, z1) / 2
    slow.backward()
    torch.testing.assert_close(loss, slow)
    for name, weight in model.named_parameters():
        torch.testing.assert_close(gradients[name], weight.grad, rtol=1e-4, atol=1e-6)


def test_views_that_are_predicted_exactly_cost_minus_one() -> None:
    head: Any = LatentPredictHead(CONFIG["head"]["predictor"])
    head.predictor = torch.nn.Identity()
    vectors = torch.randn(5, 16)
    assert head(vectors, 3 * vectors).item() == pytest.approx(-1)
    assert head(vectors, -vectors).item() == pytest.approx(1)


def test_the_small_resnet_keeps_the_size_of_small_pictures() -> None:
    model: Any = build_model(CONFIG, scope="mmselfsup", seed=0)
    assert model.backbone(views()[0])[-1].map.shape == (4, 32, 2, 2)  # 16 pixels through strides 1, 2, 2, 2
    assert model.backbone.conv1.weight.shape == (64, 3, 3, 3)


def test_refusals() -> None:
    model: Any = build_model(CONFIG, scope="mmselfsup", seed=0)
    with pytest.raises(ModelError, match="two views of an image, the pipeline makes 1"):
        model.loss(views()[:1])
    looked_into: Any = build_model({**CONFIG, "head": None}, scope="mmselfsup", seed=0)
    with pytest.raises(ModelError, match="SimSiam learns with a neck"):
        looked_into.loss(views())
    with pytest.raises(ConfigError, match="CosineSimilarityLoss"):
        LatentPredictHead(CONFIG["head"]["predictor"], {"type": "L1Loss"})
