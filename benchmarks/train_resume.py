"""A training that is killed and resumed, against one that is not: the same curves, the same weights, bit for bit.

    python benchmarks/train_resume.py data/cifar10                     # 50,000 images, three epochs
    python benchmarks/train_resume.py data/cifar10 --images 2000 --torchrun 2

Runs `selfscope train` on the MAE config of CIFAR-10 three times: undisturbed; killed with all its processes (SIGKILL)
at a random step after the first checkpoint; and resumed. Records go to local files, TensorBoard and W&B (offline).
Prints loss and PSNR by epoch, and what differs; the exit code is 1 if anything does.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from selfscope.store.reader import Run, open_run

CONFIG = Path(__file__).parents[1] / "configs/selfsup/mae/mae_vit-tiny-p4_cifar10.py"
BACKENDS = {
    "local": "dict(type='LocalVisBackend')",
    "tensorboard": "dict(type='TensorboardVisBackend')",
    "wandb": "dict(type='WandbVisBackend')",
}
CLOCK = ("time", "data_time", "eta", "memory")
"""Tags of the machine, not of the training."""


def share_of(source: Path, images: int, into: Path) -> Path:
    """A data set of links to the first images of every class, `images` of them in all; 0: the whole one."""
    if not images:
        return source
    for part in ("train", "test"):
        classes = sorted(path for path in (source / part).iterdir() if path.is_dir())
        for folder in classes:
            (into / part / folder.name).mkdir(parents=True)
            for path in sorted(folder.iterdir())[: images // len(classes)]:
                (into / part / folder.name / path.name).symlink_to(path.resolve())
    return into


def command(data: Path, work: Path, given: argparse.Namespace, *more: str) -> list[str]:
    batch = given.batch // max(1, given.torchrun)
    kinds = ", ".join(BACKENDS[name] for name in given.backends)
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", str(given.torchrun)] if given.torchrun else []
    return [
        *(sys.executable, *launch, "-m", "selfscope", "train", str(CONFIG), "--work-dir", str(work), *more),
        *("--device", "cpu", "--cfg-options", f"train_cfg.max_epochs={given.epochs}"),
        *(f"train_dataloader.dataset.data_root={data}", f"train_dataloader.batch_size={batch}"),
        *(f"default_hooks.logger.interval={given.interval}", f"visualizer.vis_backends=[{kinds}]"),
    ]


@contextmanager
def started(words: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as file:
        process = subprocess.Popen(words, stdout=file, stderr=subprocess.STDOUT, env=ENVIRONMENT)
        try:
            yield process
        finally:
            kill(process.pid)
            process.wait()


def finish(words: list[str], log: Path) -> float:
    """Seconds that the command takes; what it said is shown when it fails."""
    began = time.perf_counter()
    with started(words, log) as process:
        if process.wait():
            raise SystemExit(f"{' '.join(words)}\nfailed:\n{log.read_text()[-3000:]}")
    return time.perf_counter() - began


def kill(pid: int) -> None:
    """The process and all that it started, torchrun's and the loaders' included, without a word to any."""
    for each in [pid, *descendants(pid)]:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    try:
        own = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return [*own, *(below for one in own for below in descendants(one))]


def kill_at(step: int, words: list[str], work: Path, log: Path) -> int:
    """Kills the training once it has logged the step; the last one that reached the disk."""
    with started(words, log) as process:
        while process.poll() is None:
            runs = list(work.glob("*/run.json"))
            if runs and (work / "last_checkpoint").exists() and last_step(open_run(runs[0].parent)) >= step:
                break
            time.sleep(0.02)
        if process.poll() is not None:
            raise SystemExit(f"the training ended before step {step}:\n{log.read_text()[-3000:]}")
    return last_step(run_of(work))


def run_of(work: Path) -> Run:
    (found,) = (path.parent for path in work.glob("*/run.json"))
    return open_run(found)


def last_step(run: Run) -> int:
    found = run.scalars()
    return int(max(found["loss"].step)) if "loss" in found else 0


def curves(run: Run) -> dict[str, dict[int, float]]:
    """Every number that follows from the training, by tag and step."""
    found = {tag: one for tag, one in run.scalars().items() if tag not in CLOCK}
    return {tag: dict(zip(one.step.tolist(), one.value.tolist(), strict=True)) for tag, one in found.items()}


def differences(whole: Path, resumed: Path) -> list[str]:
    ours, theirs = curves(run_of(resumed)), curves(run_of(whole))
    wrong = [f"{tag}: only in one of them" for tag in ours.keys() ^ theirs.keys()]
    for tag in ours.keys() & theirs.keys():
        steps = [s for s in ours[tag].keys() | theirs[tag].keys() if ours[tag].get(s) != theirs[tag].get(s)]
        wrong += [f"{tag}: differs at {len(steps)} steps, first at {min(steps)}"] if steps else []
    a, b = (torch.load((w / "last_checkpoint").read_text(), weights_only=True)["state_dict"] for w in (resumed, whole))
    return wrong + [f"weights {name} differ" for name in b if not torch.equal(a[name], b[name])]


def tell(work: Path, epochs: int) -> None:
    """Loss, averaged over the epoch, and the PSNR of reconstructions after it."""
    found = curves(run_of(work))
    loss, psnr = found["loss"], next((values for tag, values in found.items() if tag.endswith("psnr")), {})
    length = max(loss) // epochs
    for epoch in range(epochs + 1):
        inside = [value for step, value in loss.items() if (epoch - 1) * length < step <= epoch * length]
        mean = f"loss {sum(inside) / len(inside):.4f}" if inside else "before it  "
        look = f"   PSNR of masked pixels {psnr[epoch * length]:.2f} dB" if epoch * length in psnr else ""
        print(f"  epoch {epoch}: {mean}{look}")


def compare(given: argparse.Namespace, folder: Path) -> list[str]:
    data = share_of(given.data, given.images, folder / "data")
    whole, cut, log = folder / "whole", folder / "killed", folder / "log.txt"
    seconds = finish(command(data, whole, given), log)
    last = last_step(run_of(whole))
    print(f"undisturbed: {last} steps in {seconds:.0f} s")
    tell(whole, given.epochs)
    at = random.Random(given.seed).randint(last // given.epochs + 1, last - 1)
    reached = kill_at(at, command(data, cut, given), cut, log)
    kept = torch.load((cut / "last_checkpoint").read_text(), weights_only=True)["meta"]["iter"]
    print(f"killed at step {reached} of {last}, and resumed from step {kept}")
    finish(command(data, cut, given, "--resume"), log)
    return differences(whole, cut)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with train/<class>/ and test/<class>/")
    parser.add_argument("--images", type=int, default=0, help="of these, evenly by class; all by default")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=256, help="of all processes together")
    parser.add_argument("--interval", type=int, default=1, help="steps between two lines of the log")
    parser.add_argument("--torchrun", type=int, default=0, metavar="N", help="processes; 0: without torchrun")
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1000, help="decides the step that it is killed at")
    parser.add_argument("--work-dir", type=Path, help="where the runs stay; by default they are deleted")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.work_dir or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        wrong = compare(given, folder)
    print("\n".join(wrong) if wrong else f"identical: every curve at every step, every weight (seed {given.seed})")
    return 1 if wrong else 0


ENVIRONMENT = {**os.environ, "WANDB_MODE": "offline", "WANDB_SILENT": "true"}

if __name__ == "__main__":
    sys.exit(main())
