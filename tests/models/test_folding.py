"""Folding against the module as it was, on real networks with statistics that are no identity."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import timm
import torch
from torch import Tensor, nn

from selfscope.models.folding import (
    OneDNNLinear,
    changed,
    followers,
    is_convolutional,
    largest_difference,
    quickened,
    wanted_changes,
)


def with_statistics(module: nn.Module) -> nn.Module:
    """Batch norms as training leaves them."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean, std=0.2)
            nn.init.uniform_(part.running_var, 0.5, 2.0)
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, std=0.2)
    return module.eval()


def runner(side: int = 64) -> Callable[[nn.Module], dict[str, Tensor]]:
    pixels = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))

    def run(module: nn.Module) -> dict[str, Tensor]:
        with torch.inference_mode():
            return {"features": module(pixels)}

    return run


@pytest.mark.parametrize(
    ("name", "folded", "left"),
    [
        ("resnet18", 20, 0),
        ("mobilenetv3_small_050", 34, 0),
        ("regnetx_002", 44, 0),
        pytest.param("vit_tiny_patch16_224", 0, 0, marks=pytest.mark.slow),
    ],
)
def test_every_norm_after_a_convolution_is_folded(name: str, folded: int, left: int) -> None:
    torch.manual_seed(0)
    module, run = with_statistics(timm.create_model(name, num_classes=0)), runner(224 if "vit" in name else 64)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    quick, done = quickened(module, run)
    assert done.get("folded", 0) == folded
    assert sum(isinstance(part, nn.BatchNorm2d) for part in quick.modules()) == left
    assert largest_difference(run(module), run(quick)) < 1e-5
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())


class Odd(nn.Module):
    """Shapes of networks in which a norm cannot be folded."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.conv, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "norm first":
            return self.conv(self.norm(x)).mean((2, 3))
        made = self.conv(x)
        if self.kind == "also used before the norm":
            return (self.norm(made) + made).mean((2, 3))
        if self.kind == "twice":
            return self.norm(self.conv(self.norm(made))).mean((2, 3))
        return self.norm(made.relu()).mean((2, 3))


@pytest.mark.parametrize("kind", ["norm first", "also used before the norm", "twice", "relu between"])
def test_what_would_change_features_is_left(kind: str) -> None:
    torch.manual_seed(0)
    module, run = with_statistics(Odd(kind)), runner(16)
    quick, done = quickened(module, run)
    assert done.get("folded", 0) == 0
    assert largest_difference(run(module), run(quick)) < 1e-5


def test_batch_statistics_are_not_folded() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)).eval()
    assert followers(module, runner(16)) == []


def test_a_module_that_cannot_be_copied_stays() -> None:
    class Locked(nn.Sequential):
        def __deepcopy__(self, memo: object) -> None:
            raise TypeError("it holds a lock")

    module = Locked(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval()
    assert quickened(module, runner(16)) == (module, {"folded": 0, "reason": "the module cannot be copied"})


def test_difference_is_relative_and_sees_shapes() -> None:
    one = {"a": torch.tensor([[100.0, -1.0]])}
    assert largest_difference(one, {"a": torch.tensor([[100.0, -1.5]])}) == pytest.approx(0.005)
    assert largest_difference(one, {"a": torch.zeros(1, 3)}) == float("inf")
    assert largest_difference(one, {"b": one["a"]}) == float("inf")


@pytest.mark.parametrize(("name", "wanted"), [("resnet18", True), ("vit_tiny_patch16_224", False)])
def test_which_models_are_convolutional(name: str, wanted: bool) -> None:
    assert is_convolutional(timm.create_model(name, num_classes=0)) is wanted


@pytest.mark.skipif(not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="this torch has no oneDNN product")
@pytest.mark.parametrize("shape", [(5, 16), (2, 7, 16), (2, 3, 4, 16)])
@pytest.mark.parametrize("bias", [True, False])
def test_products_by_onednn_are_the_same(shape: tuple[int, ...], bias: bool) -> None:
    module = nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 24, bias=bias))
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    run = lambda part: {"features": part(x).reshape(-1, 24)}  # noqa: E731
    with torch.inference_mode():
        quick = changed(module, run, {"onednn_linear": True})
        assert quick is not None
        assert type(quick[1]) is OneDNNLinear
        assert type(module[1]) is nn.Linear
        assert largest_difference(run(module), run(quick)) < 1e-6
        turned = x.transpose(0, -2)
        torch.testing.assert_close(quick(turned), module(turned), atol=1e-5, rtol=1e-5)


def test_products_change_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("selfscope.models.folding.onednn_pays", lambda: False)
    assert not wanted_changes(nn.Linear(3, 3))["onednn_linear"]
    monkeypatch.setattr("selfscope.models.folding.onednn_pays", lambda: True)
    assert wanted_changes(nn.Linear(3, 3))["onednn_linear"]
    assert not any(wanted_changes(nn.LayerNorm(3)).values())
    assert not wanted_changes(nn.Linear(3, 3).double())["onednn_linear"]


@pytest.mark.skipif(not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="this torch has no oneDNN product")
def test_products_in_other_precisions_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(8, 8), nn.Linear(8, 2).double()

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.first(x).double())

    monkeypatch.setattr("selfscope.models.folding.onednn_pays", lambda: True)
    with torch.inference_mode():
        quick, done = quickened(Mixed(), lambda part: {"features": part(torch.ones(3, 8))})
    assert done["onednn_linear"]
    assert (type(quick.first), type(quick.last)) == (OneDNNLinear, nn.Linear)
