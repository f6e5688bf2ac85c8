"""`selfscope train` as a person runs it: what it prints and leaves; stopped, killed, resumed and shared out."""

from __future__ import annotations

import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from selfscope.cli.main import main
from selfscope.cli.train import with_resume_value
from selfscope.store.reader import open_run
from tests.training.small import losses, small_config

SELFSCOPE = [sys.executable, "-m", "selfscope"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def config(photos: Callable[..., Path], tmp_path: Path) -> Path:
    path = tmp_path / "small mae.py"
    path.write_text(small_config(photos(classes=2, each=4), max_epochs=4).source(), encoding="utf-8")
    return path


def run_of(work: Path) -> Path:
    return next(path for path in work.iterdir() if path.is_dir())


def state_of(work: Path, name: str) -> dict[str, torch.Tensor]:
    return torch.load(work / name, weights_only=True)["state_dict"]


def test_what_it_prints_and_leaves(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = tmp_path / "work"
    assert main(["train", str(config), "--work-dir", str(work), "--device", "cpu", "--seed", "5"]) == 0
    said = capsys.readouterr().out
    assert "MAE, 0.0 M weights, on cpu, seed 5" in said
    assert "8 images, batches of 4, 2 an epoch, 4 epochs" in said
    assert "epoch 4 of 4: loss" in said
    assert f"checkpoint: {work / 'epoch_4.pth'}" in said.splitlines()[-2]
    assert said.splitlines()[-1] == f"run: {run_of(work)}"
    assert "epoch 4 of 4: loss" in (run_of(work) / "train.log").read_text()
    assert len(losses(run_of(work))) == 8


@pytest.mark.slow
def test_the_old_script_is_the_command(config: Path, tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "tools" / "train.py"
    options = ["--work-dir", str(tmp_path / "work"), "--launcher", "none", "--cfg-options", "train_cfg.max_epochs=1"]
    done = subprocess.run([sys.executable, script, config, *options], env=ENVIRONMENT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert (tmp_path / "work" / "epoch_1.pth").exists()


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["train", "a.py", "--resume"], ["train", "a.py", "--resume", "auto"]),
        (["train", "--resume", "a.py"], ["train", "--resume", "auto", "a.py"]),
        (["train", "a.py", "--resume", "--amp"], ["train", "a.py", "--resume", "auto", "--amp"]),
        (["train", "a.py", "--resume", "b.pth"], ["train", "a.py", "--resume", "b.pth"]),
    ],
)
def test_resume_alone_means_the_last(given: list[str], read: list[str]) -> None:
    assert with_resume_value(given) == read


def test_errors_are_one_sentence(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--work-dir", str(tmp_path / "w"), "--cfg-options", "train_cfg.max_epoch=2"]
    assert main(["train", str(config), *options]) == 1
    assert "Did you mean 'max_epochs'?" in capsys.readouterr().err
    assert not (tmp_path / "w").exists()


@pytest.mark.slow
def test_killed_at_any_moment_and_resumed(config: Path, tmp_path: Path) -> None:
    """SIGKILL leaves no half checkpoint, and going on from the last gives the undisturbed losses and weights."""
    options = ["--device", "cpu", "--cfg-options", "train_cfg.max_epochs=40"]
    whole, work = tmp_path / "whole", tmp_path / "killed"
    command = [*SELFSCOPE, "train", str(config), *options]
    subprocess.run([*command, "--work-dir", whole], env=ENVIRONMENT, check=True, capture_output=True)
    process = subprocess.Popen([*command, "--work-dir", work], env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    while not (work / "last_checkpoint").exists():
        time.sleep(0.01)
    time.sleep(random.Random(time.time_ns()).uniform(0, 0.4))
    process.kill()
    process.wait()
    assert not (work / "epoch_40.pth").exists()
    subprocess.run([*command, "--work-dir", work, "--resume"], env=ENVIRONMENT, check=True, capture_output=True)
    assert losses(run_of(work)) == losses(run_of(whole))
    ours, theirs = state_of(work, "epoch_40.pth"), state_of(whole, "epoch_40.pth")
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def stopped(command: list[str], work: Path, number: signal.Signals) -> tuple[int, str]:
    """What a training says whose whole group of processes is sent a signal once it has saved, as Ctrl-C does."""
    process = subprocess.Popen(
        command,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    while not (work / "last_checkpoint").exists() and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, number)
    said, _ = process.communicate(timeout=120)
    return process.returncode, said


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_says_how_to_go_on(config: Path, tmp_path: Path, number: signal.Signals) -> None:
    work = tmp_path / "work"
    command = [*SELFSCOPE, "train", str(config), "--work-dir", str(work), "--cfg-options", "train_cfg.max_epochs=4000"]
    code, said = stopped([*command, "train_dataloader.num_workers=1"], work, number)
    assert code == 130
    assert "stopping after this step" in said
    again = shlex.join(["selfscope", "train", str(config), "--work-dir", str(work), "--resume"])
    assert f"to go on: {again}" in said.replace("\n", " ").replace("  ", " ")
    assert "Traceback" not in said
    assert '"interrupted"' in (run_of(work) / "run.json").read_text()
    content = torch.load(work / "interrupted.pth", weights_only=True)
    assert content["meta"]["iter"] == max(losses(run_of(work)))


@pytest.mark.slow
def test_interrupted_under_torchrun_no_step_is_lost(config: Path, tmp_path: Path) -> None:
    """torchrun hands Ctrl-C on to its processes: both end after the same step, and go on as if undisturbed."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "selfscope"]
    options = ["--device", "cpu", "--cfg-options", "train_dataloader.batch_size=2", "param_scheduler=[]"]
    work, whole = tmp_path / "work", tmp_path / "whole"
    command = [*launch, "train", str(config), "--work-dir", str(work), *options]
    _, said = stopped([*command, "train_cfg.max_epochs=4000"], work, signal.SIGINT)
    assert said.count("stopping after this step") == 1
    assert "to go on: torchrun --nproc-per-node 2 -m selfscope train" in said.replace("\n", " ")
    assert '"interrupted"' in (run_of(work) / "run.json").read_text()
    at = torch.load(work / "interrupted.pth", weights_only=True)["meta"]["iter"]
    assert at == max(losses(run_of(work)))
    epochs = f"train_cfg.max_epochs={at // 2 + 2}"
    for folder, more in ((work, ["--resume"]), (whole, [])):
        full = [*launch, "train", str(config), "--work-dir", str(folder), *more, *options, epochs]
        subprocess.run(full, env=ENVIRONMENT, check=True, capture_output=True)
    assert losses(run_of(work)) == losses(run_of(whole))
    ours, theirs = (state_of(folder, f"epoch_{at // 2 + 2}.pth") for folder in (work, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert not (work / "interrupted.pth").exists()


@pytest.mark.slow
def test_two_processes_learn_as_one_with_their_batches_together(config: Path, tmp_path: Path) -> None:
    """Under torchrun with gloo: one run folder, gradients in step, losses and weights within float rounding; the
    first process looks inside, once each time, while the other waits."""
    look = "dict(type='SelfSupVisualizationHook', samples=2, map_items=0, interval=2)"
    config.write_text(f"{config.read_text(encoding='utf-8')}\ncustom_hooks = [{look}]\n", encoding="utf-8")
    options = ["--device", "cpu", "--cfg-options", "train_cfg.max_epochs=3", "model.backbone.drop_path_rate=0.0"]
    options += ["optim_wrapper.optimizer.type=SGD", "optim_wrapper.optimizer.lr=0.05"]  # Adam blows rounding up
    one, two = tmp_path / "one", tmp_path / "two"
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "selfscope"]
    batches = ((SELFSCOPE, one, 4), (launch, two, 2))
    for door, work, batch in batches:
        command = [*door, "train", str(config), "--work-dir", str(work), *options]
        command.append(f"train_dataloader.batch_size={batch}")
        done = subprocess.run(command, env=ENVIRONMENT, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert len([path for path in two.iterdir() if path.is_dir()]) == 1
    assert losses(run_of(two)) == pytest.approx(losses(run_of(one)), rel=1e-5)
    looks = [open_run(run_of(work)).scalars("train/psnr") for work in (one, two)]
    assert [look.step.tolist() for look in looks] == [[0, 4], [0, 4]]
    assert looks[1].value.tolist() == pytest.approx(looks[0].value.tolist(), rel=1e-4)
    ours, theirs = state_of(two, "epoch_3.pth"), state_of(one, "epoch_3.pth")
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-5, atol=1e-6)
