"""Points, priorities and refusals of hooks; the expected answers are MMEngine's, worked out by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from selfscope.errors import UsageError
from selfscope.training.hooks.calls import Hooks
from selfscope.training.hooks.hook import Hook
from selfscope.training.hooks.points import POINTS, PRIORITIES, priority_value

STAGES = "run train train_epoch train_iter val val_epoch val_iter test test_epoch test_iter".split()


def runner(**values: Any) -> SimpleNamespace:
    return SimpleNamespace(**{"iter": 0, "epoch": 0, "max_iters": 8, "max_epochs": 2, **values})


def given(point: str) -> dict[str, Any]:
    return dict.fromkeys(POINTS[point])


def test_the_points_are_those_of_mmengine() -> None:
    both = {f"{side}_{stage}" for side in ("before", "after") for stage in STAGES}
    assert set(POINTS) == both | {"before_save_checkpoint", "after_load_checkpoint"}
    assert set(Hook.stages) == set(POINTS)
    for point in POINTS:
        getattr(Hook(), point)(runner(), **given(point))


def test_only_defined_points_are_called_with_what_the_loop_gives() -> None:
    seen = []

    class Watcher(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            seen.append((runner.iter, batch_idx, data_batch, outputs))

    hooks = Hooks([Watcher()])
    for point in POINTS:
        hooks.call(point, runner(iter=5), **given(point))
    hooks.call("after_train_iter", runner(iter=6), batch_idx=2, data_batch="x", outputs={"loss": 1})
    assert seen == [(5, None, None, None), (6, 2, "x", {"loss": 1})]


def test_generic_methods_serve_train_val_and_test() -> None:
    modes = []

    class Watcher(Hook):
        def _after_epoch(self, runner, mode="train"):
            modes.append(mode)

    watcher = Watcher()
    assert watcher.get_triggered_stages() == ["after_train_epoch", "after_val_epoch", "after_test_epoch"]
    hooks = Hooks([watcher])
    for point in POINTS:
        hooks.call(point, runner(), **given(point))
    assert modes == ["train", "val", "test"]


def named(name: str, order: list[str], priority: Any) -> Hook:
    def before_train(self: Hook, runner: Any) -> None:
        order.append(name)

    return type(name, (Hook,), {"before_train": before_train, "priority": priority})()


def test_priorities_order_the_calls_and_equals_keep_theirs() -> None:
    order: list[str] = []
    hooks = Hooks()
    for name, priority in [("A", "LOW"), ("B", "NORMAL"), ("C", 5), ("D", 50), ("E", "very_high"), ("F", "LOWEST")]:
        hooks.add(named(name, order, priority))
    hooks.add(named("G", order, "LOWEST"), priority="HIGHEST")
    hooks.call("before_train", runner())
    assert order == ["G", "C", "E", "B", "D", "A", "F"]
    assert hooks.describe()[0] == "  0  G  (before_train)"


def test_priority_names_are_mmengines() -> None:
    assert [priority_value(name, "x") for name in PRIORITIES] == [0, 10, 30, 40, 50, 60, 70, 90, 100]
    with pytest.raises(UsageError, match=r"got 'NORMA'\. Did you mean 'NORMAL'"):
        priority_value("NORMA", "x")
    for bad in (-1, 101, True, None, 1.5):
        with pytest.raises(UsageError, match=r"MyHook: priority must be 0\.\.100"):
            priority_value(bad, "MyHook")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("after_train_iteration", "after_train_iter"),
        ("before_epoch_train", "before_train_epoch"),
        ("after_train_batch", "after_train_iter"),
        ("before_fit", "before_train"),
        ("beforetrain_iter", "before_train_iter"),
        ("after_train_epochs", "after_train_epoch"),
    ],
)
def test_a_method_that_is_almost_a_point_is_refused_when_the_class_is_made(name: str, meant: str) -> None:
    with pytest.raises(UsageError, match=rf"Watcher\.{name} is no point of the training loop.*Did you mean '{meant}'"):
        type("Watcher", (Hook,), {name: lambda self, runner: None})


def test_a_point_that_cannot_be_called_is_refused_when_the_class_is_made() -> None:
    with pytest.raises(UsageError, match=r"called as after_train_iter\(runner, batch_idx, data_batch, outputs\)"):
        type("Watcher", (Hook,), {"after_train_iter": lambda self, runner: None})
    with pytest.raises(UsageError, match=r"Watcher\.before_run is called as before_run\(runner\)"):
        type("Watcher", (Hook,), {"before_run": lambda self, runner, config: None})
    type("Loose", (Hook,), {"after_train_iter": lambda self, runner, **rest: None})


def test_other_methods_and_private_ones_are_free() -> None:
    class Busy(Hook):
        before_values = (1, 2)

        def _after_all(self) -> None: ...

        def draw(self) -> None: ...

        def every_n_epochs(self, runner, n, start=0):
            return True

    assert Busy().get_triggered_stages() == []


def test_any_object_with_such_methods_is_a_hook() -> None:
    class Plain:
        def after_train(self, runner):
            runner.told = True

    class Misspelt:
        def after_trian(self, runner): ...

    class Nothing: ...

    state = runner()
    Hooks([Plain()]).call("after_train", state)
    assert state.told
    with pytest.raises(UsageError, match=r"after_trian.*Did you mean 'after_train'"):
        Hooks([Misspelt()])
    with pytest.raises(UsageError, match="Nothing has none of the methods"):
        Hooks([Nothing()])
    with pytest.raises(UsageError, match="Plain is a class"):
        Hooks([Plain])
    with pytest.raises(UsageError, match="no point 'after_trian'"):
        Hooks().call("after_trian", state)


@pytest.mark.parametrize("start", [0, 2])
def test_every_n_counts_as_mmengine_does(start: int) -> None:
    hook = Hook()
    by_iter = [hook.every_n_train_iters(runner(iter=i), 3, start) for i in range(8)]
    by_epoch = [hook.every_n_epochs(runner(epoch=i), 3, start) for i in range(8)]
    expected = {0: [2, 5], 2: [1, 4, 7]}[start]
    assert [i for i, hit in enumerate(by_iter) if hit] == expected
    assert by_epoch == by_iter
    assert [i for i in range(8) if hook.every_n_inner_iters(i, 3)] == [2, 5]
    assert not any(hook.every_n_inner_iters(i, n) for i in range(8) for n in (0, -1))
    assert [i for i in range(8) if hook.is_last_train_iter(runner(iter=i))] == [7]
    assert [i for i in range(4) if hook.is_last_train_epoch(runner(epoch=i))] == [1]
    assert [i for i in range(4) if hook.end_of_epoch([0, 0, 0], i)] == [2]
