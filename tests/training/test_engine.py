"""Whole trainings: what falls, what is kept, and that a resumed one is the undisturbed one, bit by bit."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from selfscope.config.values import Config
from selfscope.errors import CheckpointError, ConfigError, SelfscopeError, TrainingError
from selfscope.models.build import build_model
from selfscope.models.checkpoint import read_checkpoint
from selfscope.models.fit import fit
from selfscope.training.checkpoints import find_checkpoint
from selfscope.training.engine import TrainOptions, train
from selfscope.training.hooks.logger import LoggerHook
from selfscope.training.loop import Stop
from tests.training.small import MAE, losses, small_config

HERE = TrainOptions(device="cpu")


def stopping_at(step: int, stop: Stop) -> Callable[[Any, Any], None]:
    def progress(state: Any, loss: Any) -> None:
        stop.asked = stop.asked or state.iter == step

    return progress


@pytest.fixture
def root(photos: Callable[..., Path]) -> Path:
    return photos(classes=2, each=5)


def test_the_loss_falls_and_all_is_left_in_place(root: Path, tmp_path: Path) -> None:
    result = train(small_config(root, max_epochs=8), tmp_path / "work", HERE)
    found = list(losses(result.run).values())
    assert len(found) == 24
    assert sum(found[-6:]) < 0.9 * sum(found[:6])
    assert (result.iter, result.epoch, result.finished) == (24, 8, True)
    assert result.checkpoint == tmp_path / "work" / "epoch_8.pth"
    assert sorted(path.name for path in (tmp_path / "work").glob("*.pth")) == [f"epoch_{n}.pth" for n in range(1, 9)]
    assert '"finished"' in (result.run / "run.json").read_text()


def test_the_checkpoint_is_openmmlabs_and_loads_without_trust(root: Path, tmp_path: Path) -> None:
    result = train(small_config(root, max_epochs=1), tmp_path / "work", HERE)
    assert result.checkpoint is not None
    content = torch.load(result.checkpoint, weights_only=True)
    assert {"meta", "state_dict", "optimizer", "param_schedulers"} <= set(content)
    assert (content["meta"]["epoch"], content["meta"]["iter"], content["meta"]["seed"]) == (1, 3, 7)
    assert {"backbone.layers.0.ln1.weight", "backbone.layers.1.ffn.layers.0.0.bias", "neck.ln1.weight"} <= set(
        content["state_dict"]
    )
    model = build_model(MAE, seed=1)
    fit(model, read_checkpoint(result.checkpoint), needed="all")
    for own, trained in zip(model.state_dict().values(), result.model.state_dict().values(), strict=True):
        assert torch.equal(own, trained)


@pytest.mark.parametrize("at", [pytest.param(1, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow), 5])
def test_resumed_is_undisturbed(root: Path, tmp_path: Path, at: int) -> None:
    """Stopped within an epoch and at its end: the same losses and the same weights, with stochastic depth on."""
    whole = train(small_config(root), tmp_path / "whole", HERE)
    stop = Stop()
    half = train(small_config(root), tmp_path / "cut", HERE, stop=stop, progress=stopping_at(at, stop))
    assert (half.finished, half.iter) == (False, at)
    assert half.checkpoint == tmp_path / "cut" / "interrupted.pth"
    torch.rand(17)  # whatever the process drew in between
    rest = train(small_config(root), tmp_path / "cut", TrainOptions(device="cpu", resume="auto"))
    assert rest.run == half.run
    assert losses(rest.run) == losses(whole.run)
    for a, b in zip(whole.model.state_dict().values(), rest.model.state_dict().values(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.slow
def test_what_was_left_when_stopped_is_removed_once_the_run_is_further(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    work, stop = tmp_path / "work", Stop()
    train(small_config(root), work, HERE, stop=stop, progress=stopping_at(4, stop))
    assert (work / "interrupted.pth").exists()
    other = tmp_path / "other"
    shutil.copytree(work, other)
    with caplog.at_level(logging.INFO, "selfscope.training"):
        rest = train(small_config(root), work, TrainOptions(device="cpu", resume="auto"))
    assert rest.checkpoint == work / "epoch_3.pth"
    assert not (work / "interrupted.pth").exists()
    assert f"removed {work / 'interrupted.pth'}: this one is later" in caplog.text
    assert train(small_config(root), other, HERE).finished  # another run leaves it alone
    assert (other / "interrupted.pth").exists()


@pytest.mark.slow
def test_the_last_checkpoint_is_the_furthest_that_the_run_saved_since(root: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    train(small_config(root), work, HERE)
    for name in ("epoch_1.pth", "epoch_2.pth"):  # names and times of files say nothing
        os.utime(work / name, (2**31, 2**31))
    (work / "epoch_3.pth").rename(work / "a.pth")
    (work / "epoch_99.pth").write_bytes(b"no checkpoint")
    torch.save({"meta": {"epoch": 77}, "state_dict": {}}, work / "epoch_77.pth")
    (work / "last_checkpoint").write_text(str(work / "epoch_2.pth"))  # killed before the third could be named
    assert find_checkpoint(work, "auto") == work / "a.pth"


@pytest.mark.slow
def test_someone_who_went_back_goes_on_from_there(root: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    first = train(small_config(root), work, HERE)
    for name, moment in (("epoch_2.pth", "20010101_000000"), ("epoch_3.pth", "20010101_000001")):
        content = torch.load(work / name, weights_only=True)
        content["meta"]["time"] = moment
        torch.save(content, work / name)
    stop = Stop()
    back = TrainOptions(device="cpu", resume=work / "epoch_1.pth")
    again = train(small_config(root), work, back, stop=stop, progress=stopping_at(5, stop))
    assert (again.run, again.iter) == (first.run, 5)
    assert find_checkpoint(work, "auto") == work / "interrupted.pth"


@pytest.mark.slow
def test_resumed_from_an_older_epoch_by_path(root: Path, tmp_path: Path) -> None:
    whole = train(small_config(root), tmp_path / "a", HERE)
    options = TrainOptions(device="cpu", resume=tmp_path / "a" / "epoch_1.pth")
    again = train(small_config(root), tmp_path / "b", options)
    assert losses(again.run) == {step: loss for step, loss in losses(whole.run).items() if step > 3}


def test_accumulated_gradients_are_one_large_batch(root: Path, tmp_path: Path) -> None:
    config = small_config(root, batch_size=4, max_epochs=2, param_scheduler=[])
    config["model"]["backbone"]["drop_path_rate"] = 0.0
    config["train_dataloader"]["drop_last"] = True
    config["optim_wrapper"]["optimizer"] = {"type": "SGD", "lr": 0.05, "momentum": 0.9}
    config["optim_wrapper"]["accumulative_counts"] = 2
    small = train(config, tmp_path / "small", HERE)
    config["optim_wrapper"]["accumulative_counts"] = 1
    config["train_dataloader"]["batch_size"] = 8
    large = train(config, tmp_path / "large", HERE)
    for a, b in zip(large.model.parameters(), small.model.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_by_iterations(root: Path, tmp_path: Path) -> None:
    hooks = {"checkpoint": {"type": "CheckpointHook", "interval": 2, "by_epoch": False, "max_keep_ckpts": 2}}
    config = small_config(root, train_cfg={"type": "IterBasedTrainLoop", "max_iters": 7}, default_hooks=hooks)
    config["param_scheduler"] = [{"type": "CosineAnnealingLR", "by_epoch": False}]
    result = train(config, tmp_path / "work", HERE)
    assert (result.iter, result.epoch) == (7, 2)
    assert sorted(path.name for path in (tmp_path / "work").glob("*.pth")) == ["iter_6.pth", "iter_7.pth"]


def test_a_loss_that_is_not_finite_ends_it(root: Path, tmp_path: Path) -> None:
    config = small_config(root)
    config["optim_wrapper"]["optimizer"]["lr"] = 1e30
    del config["optim_wrapper"]["clip_grad"]
    with pytest.raises(TrainingError, match=r"not finite at step \d"):
        train(config, tmp_path / "work", HERE)
    assert not list((tmp_path / "work").glob("*.pth"))
    run = next(path for path in (tmp_path / "work").iterdir() if path.is_dir())
    assert '"failed"' in (run / "run.json").read_text()


def test_weights_to_begin_with(root: Path, tmp_path: Path) -> None:
    first = train(small_config(root, max_epochs=1), tmp_path / "a", HERE)
    config = small_config(root, max_epochs=1, load_from=str(first.checkpoint))
    config["optim_wrapper"]["optimizer"]["lr"] = 0.0
    second = train(config, tmp_path / "b", HERE)
    for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.slow
def test_the_rate_follows_the_batch_when_asked(root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    scale = {"base_batch_size": 16}
    rates = []
    for scaled in (False, True):
        seen: list[float] = []
        config = small_config(root, max_epochs=1, auto_scale_lr=scale, param_scheduler=[])
        with caplog.at_level(logging.INFO, "selfscope.training"):
            options = TrainOptions(device="cpu", scale_lr=scaled)

            def note(state: Any, loss: Any, to: list[float] = seen) -> None:
                to.append(state.numbers["lr"])

            train(config, tmp_path / str(scaled), options, progress=note)
        rates.append(seen[0])
    assert rates == [2e-3, 2e-3 * 4 / 16]
    assert "meant for batches of 16 in all" in caplog.text


@pytest.mark.slow
def test_mixed_precision_on_the_cpu(root: Path, tmp_path: Path) -> None:
    full = train(small_config(root), tmp_path / "full", HERE)
    mixed = train(small_config(root), tmp_path / "mixed", TrainOptions(device="cpu", precision="bf16-mixed"))
    a, b = (list(losses(result.run).values()) for result in (full, mixed))
    assert a != b
    assert b == pytest.approx(a, rel=0.05)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_cfg": None}, "training needs train_cfg"),
        ({"train_cfg": {"max_epoch": 3}}, "takes no 'max_epoch'. Did you mean 'max_epochs'"),
        ({"train_cfg": {"type": "EpochLoop", "max_epochs": 3}}, "the loop 'EpochLoop' is not known"),
        ({"optim_wrapper": None}, "training needs optim_wrapper"),
        ({"optim_wrapper": {"type": "OptimWraper", "optimizer": {}}}, "Did you mean 'OptimWrapper'"),
        ({"optim_wrapper": {"optimizer": {}, "clip_grad": {"max_nor": 1}}}, "clip_grad takes max_norm"),
        ({"default_hooks": {"checkpoint": {"type": "CheckpointHook", "every": 1}}}, "takes no 'every'"),
        ({"model": None}, "has no `model"),
        ({"optim_wrapper": {"optimizer": {"type": "AdamWW", "lr": 1.0}}}, "Did you mean 'AdamW'"),
        ({"param_scheduler": [{"type": "CosineLR"}]}, "Did you mean 'CosineAnnealingLR'"),
        ({"param_scheduler": ["CosineAnnealingLR"]}, r"expected \[dict\(type=…\), …\], got 'CosineAnnealingLR'"),
    ],
)
def test_a_config_that_cannot_be_trained(root: Path, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    config = small_config(root, **changes)
    for name in [name for name, value in changes.items() if value is None]:
        del config[name]
    with pytest.raises(ConfigError, match=message):
        train(config, tmp_path / "work", HERE)
    assert not (tmp_path / "work").exists()


def test_a_method_that_cannot_be_trained_is_refused_before_its_data_is_looked_for(tmp_path: Path) -> None:
    config = small_config(tmp_path / "nowhere")
    config["model"] = {"type": "MoCo", "backbone": {"type": "ResNet", "depth": 18}}
    with pytest.raises(SelfscopeError, match="MoCo"):
        train(config, tmp_path / "work", HERE)


@pytest.mark.slow
def test_time_in_hooks_is_no_waiting_for_data(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(hook: LoggerHook, runner: Any, batch_idx: int, data_batch: Any, outputs: Any) -> None:
        seen.append(dict(runner.timing))
        time.sleep(0.1)

    seen: list[dict[str, float]] = []
    monkeypatch.setattr(LoggerHook, "after_train_iter", slow)
    train(small_config(root, max_epochs=1), tmp_path / "work", HERE)
    assert len(seen) == 3
    for timing in seen[1:]:
        assert timing["time"] - timing["data_time"] >= 0.1


def test_a_finished_training_says_that_nothing_is_left(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(small_config(root, max_epochs=1), tmp_path / "work", HERE)
    with caplog.at_level(logging.INFO, "selfscope.training"):
        again = train(small_config(root, max_epochs=1), tmp_path / "work", TrainOptions(device="cpu", resume="auto"))
    assert again.iter == 3
    assert "nothing is left to train" in caplog.text


def test_checkpoints_that_cannot_be_resumed_from(root: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    with pytest.raises(CheckpointError, match="no such checkpoint to resume from"):
        train(small_config(root), work, TrainOptions(device="cpu", resume=tmp_path / "none.pth"))
    foreign = tmp_path / "foreign.pth"
    torch.save({"meta": {"epoch": 3}, "state_dict": {"a": torch.ones(1)}}, foreign)
    with pytest.raises(CheckpointError, match=r"load_from=.*foreign\.pth"):
        train(small_config(root), work, TrainOptions(device="cpu", resume=foreign))
    done = train(small_config(root, max_epochs=1), work, HERE)
    with pytest.raises(CheckpointError, match="was saved with epoch_length 3, now 5; batch_size 4, now 2"):
        train(small_config(root, batch_size=2), work, TrainOptions(device="cpu", resume=done.checkpoint))
    other = small_config(root)
    other["optim_wrapper"]["paramwise_cfg"] = {"bias_decay_mult": 0.0}
    with pytest.raises(CheckpointError, match="paramwise_cfg has changed"):
        train(other, work, TrainOptions(device="cpu", resume="auto"))


@pytest.mark.slow
def test_resume_in_the_config_begins_where_there_is_nothing_yet(root: Path, tmp_path: Path) -> None:
    config: Config = small_config(root, max_epochs=1, resume=True)
    assert train(config, tmp_path / "work", HERE).iter == 3
    config["train_cfg"]["max_epochs"] = 2
    assert train(config, tmp_path / "work", HERE).iter == 6


@pytest.mark.slow
def test_a_config_for_gpus_is_trained_in_full_on_a_cpu(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = small_config(root, max_epochs=1)
    full = train(config, tmp_path / "full", HERE)
    config["optim_wrapper"].update(type="AmpOptimWrapper", loss_scale="dynamic")
    with caplog.at_level(logging.INFO, "selfscope.training"):
        mixed = train(config, tmp_path / "mixed", HERE)
    assert losses(mixed.run) == losses(full.run)
    assert "--precision bf16-mixed asks for it" in caplog.text
