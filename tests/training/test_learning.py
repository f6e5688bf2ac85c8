"""Loss terms, and masks that belong to a sample whatever batch it is in."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from selfscope.errors import ModelError, TrainingError
from selfscope.models.build import build_model
from selfscope.training.feed import TrainBatch
from selfscope.training.finite import FiniteLoss
from selfscope.training.learning import Learning, draw_masks, loss_terms
from selfscope.training.noise import seed_step
from tests.training.small import MAE


def batch(indices: list[int], epoch: int = 0, masks: torch.Tensor | None = None) -> TrainBatch:
    views = torch.randint(0, 256, (len(indices), 3, 16, 16), dtype=torch.uint8)
    return TrainBatch((views,), torch.tensor(indices), epoch, masks=masks)


def test_a_sample_has_its_own_mask_in_every_epoch() -> None:
    learning = Learning(build_model(MAE, seed=0))
    whole = draw_masks(learning, batch([4, 9, 2]), seed=1)
    assert whole is not None
    assert whole.shape == (3, 4, 4)
    assert whole.sum((1, 2)).tolist() == [12, 12, 12]
    np.testing.assert_array_equal(draw_masks(learning, batch([2, 4]), seed=1), whole[[2, 0]])
    assert not np.array_equal(draw_masks(learning, batch([4, 9, 2], epoch=1), seed=1), whole)
    assert not np.array_equal(draw_masks(learning, batch([4, 9, 2]), seed=2), whole)


def test_the_pipelines_masks_come_first() -> None:
    masks = torch.zeros(2, 4, 4, dtype=torch.uint8)
    masks[:, 0] = 1
    drawn = draw_masks(Learning(build_model(MAE, seed=0)), batch([0, 1], masks=masks), seed=1)
    np.testing.assert_array_equal(drawn, masks.numpy())


def test_the_loss_is_the_models_own() -> None:
    model = build_model(MAE, seed=0)
    given = batch([0, 1, 2])
    learning = Learning(model)
    masks = draw_masks(learning, given, seed=1)
    terms = learning(given.views, masks)
    assert terms["loss"] == model.loss(model.normaliser(given.views[0]), masks)  # type: ignore[operator]


def test_terms_of_a_dict_are_added_up() -> None:
    terms = loss_terms({"loss_a": torch.tensor(1.0), "b_loss": torch.tensor([2.0, 4.0]), "accuracy": torch.tensor(0.5)})
    assert {name: value.item() for name, value in terms.items()} == {
        "loss_a": 1.0,
        "b_loss": 3.0,
        "accuracy": 0.5,
        "loss": 4.0,
    }
    with pytest.raises(ModelError, match="a scalar or a dict"):
        loss_terms({"accuracy": torch.tensor(1.0)})


def test_a_model_without_a_loss_is_refused() -> None:
    with pytest.raises(ModelError, match="Identity has no loss here"):
        Learning(nn.Identity())


def test_noise_depends_on_the_step_alone() -> None:
    def drawn(rank: int, step: int) -> tuple[float, ...]:
        seed_step(0, rank, step)
        return (*torch.rand(2).tolist(), *np.random.random(2))  # noqa: NPY002 - it is what is seeded

    first = drawn(0, 5)
    assert drawn(0, 6) != first
    assert drawn(1, 5) != first
    assert drawn(0, 5) == first


def test_the_first_step_that_is_not_finite_is_named() -> None:
    losses = [1.0, float("nan"), float("inf")]
    here = FiniteLoss(torch.device("cpu"))
    here.see(torch.tensor(losses[0]), 1)
    with pytest.raises(TrainingError, match="not finite at step 2"):
        here.see(torch.tensor(losses[1]), 2)
    later = FiniteLoss(torch.device("cpu"))
    later._waits = True  # as on a GPU, where looking at every step would wait for it
    for step, loss in enumerate(losses, 1):
        later.see(torch.tensor(loss), step)
    with pytest.raises(TrainingError, match="not finite at step 2"):
        later.check()
