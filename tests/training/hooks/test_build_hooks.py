from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from selfscope.config.reader import find_config, load_config
from selfscope.config.registry import HOOKS
from selfscope.errors import ConfigError, UsageError
from selfscope.training.hooks.build import DONE_BY_THE_LOOP, build_hooks
from selfscope.training.hooks.hook import Hook
from selfscope.training.hooks.logger import LoggerHook
from selfscope.training.hooks.simsiam import SimSiamHook


@HOOKS.register_module()
class CountingHook(Hook):
    def __init__(self, start: int = 0) -> None:
        self.count = start

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        self.count += 1


def kinds(config: dict[str, Any]) -> list[str]:
    return [type(hook).__name__ for hook in build_hooks(config)]


def test_a_logger_is_there_unless_it_is_taken_out() -> None:
    assert kinds({}) == ["LoggerHook"]
    assert kinds({"default_hooks": {"logger": None}}) == []
    (hook,) = build_hooks({"default_hooks": {"logger": {"type": "LoggerHook", "interval": 7}}})
    assert isinstance(hook, LoggerHook)
    assert hook.interval == 7


def test_what_the_loop_does_itself_is_accepted_and_said(caplog: pytest.LogCaptureFixture) -> None:
    entries = {f"hook {i}": {"type": f"mmengine.{name}", "interval": 3} for i, name in enumerate(DONE_BY_THE_LOOP)}
    with caplog.at_level(logging.INFO):
        assert kinds({"default_hooks": entries}) == ["LoggerHook"]
    assert len(caplog.messages) == 5
    assert "default_hooks.hook 1 (mmengine.IterTimerHook): the training loop itself takes the times" in caplog.messages


def test_the_shipped_default_runtime_builds() -> None:
    config = load_config(find_config("configs/selfsup/mae/mae_vit-tiny-p8_digits.py"))
    assert [type(hook) for hook in build_hooks(config)] == [LoggerHook]


def test_priorities_of_entries_override_those_of_classes() -> None:
    custom = [{"type": "CountingHook", "priority": "LOWEST"}, {"type": "CountingHook", "start": 5, "priority": 1}]
    config = {"custom_hooks": custom}
    assert kinds(config) == ["CountingHook", "LoggerHook", "CountingHook"]
    assert next(iter(build_hooks(config))).count == 5
    assert custom[0] == {"type": "CountingHook", "priority": "LOWEST"}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"custom_hooks": {"type": "CountingHook"}}, r"custom_hooks: expected \[dict"),
        ({"custom_hooks": ["CountingHook"]}, r"custom_hooks\[0\]: expected dict"),
        ({"default_hooks": [1]}, r"default_hooks: expected dict\(name=dict"),
        ({"custom_hooks": [{"type": "CountHook"}]}, "unknown hook 'CountHook'. Did you mean 'CountingHook'"),
        ({"custom_hooks": [{"type": "CountingHook", "stat": 1}]}, "no argument 'stat'. Did you mean 'start'"),
        ({"custom_hooks": [{"type": "some.where.Hook"}]}, "pass --trust-config"),
        ({"custom_hooks": [{"start": 1}]}, "expected dict"),
    ],
)
def test_entries_that_cannot_be_built_are_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        build_hooks(config)


def test_a_wrong_priority_is_refused_with_the_hooks_name() -> None:
    with pytest.raises(UsageError, match=r"CountingHook: priority.*Did you mean 'LOW'"):
        build_hooks({"custom_hooks": [{"type": "CountingHook", "priority": "LWO"}]})


@pytest.mark.parametrize("fix", [True, False])
@pytest.mark.parametrize("by_epoch", [True, False])
def test_simsiams_predictor_keeps_its_rate(fix: bool, by_epoch: bool) -> None:
    hook = build_hooks(
        {"custom_hooks": [{"type": "SimSiamHook", "fix_pred_lr": fix, "lr": 0.05, "adjust_by_epoch": by_epoch}]}
    )
    assert any(isinstance(one, SimSiamHook) for one in hook)
    groups = [{"lr": 0.1}, {"lr": 0.1, "fix_lr": True}, {"lr": 0.1, "fix_lr": False}]
    runner = SimpleNamespace(optimizer=SimpleNamespace(param_groups=groups))
    hook.call("before_train_epoch", runner)
    assert [group["lr"] for group in groups] == [0.1, 0.05 if fix else 0.1, 0.1]
    groups[1]["lr"] = 0.02
    hook.call("before_train_iter", runner, batch_idx=0, data_batch=None)
    assert groups[1]["lr"] == (0.05 if fix and not by_epoch else 0.02)
