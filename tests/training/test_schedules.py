"""Learning rates, number by number as MMEngine 0.10.7 computes them, and against what each rule means."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from selfscope.config.values import ConfigDict
from selfscope.errors import ConfigError
from selfscope.training.schedules import Schedules, build_rules

GOLDEN = json.loads((Path(__file__).parents[1] / "fixtures" / "training" / "schedules.json").read_text())


def optimizer(lr: float = 0.5) -> torch.optim.Optimizer:
    first, second = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(1))
    return torch.optim.SGD([{"params": [first]}, {"params": [second], "lr": 0.02}], lr=lr, momentum=0.9)


def course(rules: Any, length: int, epochs: int, name: str = "lr", stop: int | None = None) -> list[list[float]]:
    """Values before each step, of every group; interrupted and taken up again after `stop` iterations."""
    moved = optimizer()
    built = build_rules(rules, max_epochs=epochs, max_iters=epochs * length, epoch_length=length)
    schedules, values = Schedules(built, moved), []
    for iteration in range(length * epochs):
        if iteration == stop:
            states = schedules.state_dict(), moved.state_dict()
            moved = optimizer()
            schedules = Schedules(built, moved)
            moved.load_state_dict(states[1])
            schedules.load_state_dict(json.loads(json.dumps(states[0])))
        values.append([group[name] for group in moved.param_groups])
        schedules.step(by_epoch=False)
        if (iteration + 1) % length == 0:
            schedules.step(by_epoch=True)
    return values


@pytest.mark.parametrize("case", GOLDEN)
def test_rates_are_mmengines(case: str) -> None:
    golden = GOLDEN[case]
    name = "momentum" if "momentum" in case else "lr"
    values = course(golden["rules"], golden["length"], golden["epochs"], name)
    assert values == golden["values"]
    assert course(golden["rules"], golden["length"], golden["epochs"], name, stop=golden["length"] * 2 + 1) == values


def test_the_end_of_the_training_is_the_default_end() -> None:
    rules = [
        {"type": "LinearLR", "start_factor": 0.01, "begin": 0, "end": 1, "convert_to_iter_based": True},
        {"type": "CosineAnnealingLR", "begin": 1, "convert_to_iter_based": True},
    ]
    rates = [first for first, _ in course(rules, 10, 4)]
    assert rates[0] == pytest.approx(0.005)
    assert rates[9] == pytest.approx(0.5)
    expected = [0.25 * (1 + math.cos(math.pi * t / 30)) for t in range(30)]
    assert rates[10:] == pytest.approx(expected)


def test_what_begins_after_the_end_does_nothing_and_is_said(caplog: pytest.LogCaptureFixture) -> None:
    rule = {"type": "CosineAnnealingLR", "begin": 9}
    assert {first for first, _ in course([rule], 10, 5)} == {0.5}
    assert "begins after 9 epochs, and the training ends after 5: it does nothing" in caplog.text


def test_a_group_that_keeps_its_rate_is_left_alone() -> None:
    moved = optimizer()
    moved.param_groups[1]["fix_lr"] = True
    rules = build_rules({"type": "ExponentialLR", "gamma": 0.5}, max_epochs=4, max_iters=4, epoch_length=1)
    schedules = Schedules(rules, moved)
    for _ in range(3):
        schedules.step(by_epoch=True)
    assert [group["lr"] for group in moved.param_groups] == [0.0625, 0.02]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"type": "CosineAnealingLR"}, "unknown type 'CosineAnealingLR'. Did you mean 'CosineAnnealingLR'"),
        ({"type": "StepLR", "step": 3}, "StepLR takes no argument 'step'. Did you mean 'step_size'"),
        ({"type": "StepLR"}, "step_size of at least 1"),
        ({"type": "LinearLR", "start_factor": 1.5}, "start_factor: expected 0 to 1"),
        ({"type": "CosineAnnealingLR", "begin": 3, "end": 2}, "end must be after begin"),
        ({"type": "CosineAnnealingLR", "eta_min": 0.1, "eta_min_ratio": 0.1}, "not both"),
    ],
)
def test_what_cannot_be_is_said_with_its_line(rule: dict[str, Any], message: str) -> None:
    written = ConfigDict.at(("a.py", 3), ((key, value, ("a.py", 3)) for key, value in rule.items()))
    with pytest.raises(ConfigError, match=r"a\.py:3: .*") as refusal:
        build_rules([written], max_epochs=5, max_iters=50, epoch_length=10)
    assert message in str(refusal.value)
