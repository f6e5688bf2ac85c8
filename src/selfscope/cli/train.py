"""`selfscope train`: self-supervised training of what a config describes, watched by its hooks."""

from __future__ import annotations

import logging
import shlex
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tyro.conf import Positional

from selfscope.cli.console import console, log_to, progress_bar, say, say_error
from selfscope.cli.files import default_work_dir, open_visualizer
from selfscope.visualization.ranks import environment_rank

if TYPE_CHECKING:
    from selfscope.config.reader import Config
    from selfscope.training.loop import Stop
    from selfscope.training.state import TrainState
    from selfscope.visualization.visualizer import Visualizer

log = logging.getLogger("selfscope.training")
SHOWN_EVERY = 0.2
"""Seconds between two looks at the loss: on a GPU each of them waits."""


@dataclass(frozen=True)
class Train:
    """Trains MAE, SimMIM, MaskFeat or SimSiam as a config says, on one device, or on more under torchrun.

    Leaves checkpoints, a log and a run below --work-dir. Ctrl-C ends after the step at hand, and --resume goes on
    from there as if nothing had been.
    """

    config: Positional[str]
    """Training config: configs/selfsup/…"""
    work_dir: str | None = None
    """Where checkpoints and the run go; the config's, or work_dirs/… by default."""
    resume: str | None = None
    """Alone: go on from the last checkpoint of the work dir, if there is one. Or the path of one."""
    cfg_options: tuple[str, ...] = ()
    """Overrides of the config: a.b=c "k=[1,2]"."""
    device: str | None = None
    """cpu, cuda:0, mps; the best present by default, one a process under torchrun."""
    seed: int | None = None
    """Weights, order, views and masks follow from it; the config's, or 0, by default."""
    amp: bool = False
    """Mixed precision, whatever the config says: float16 on a GPU; left out, and said, on a CPU."""
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] | None = None
    """Overrides --amp and the config."""
    auto_scale_lr: bool = False
    """Scale the learning rate from the batch that the config was made for to the one that is used."""
    launcher: Literal["none", "pytorch"] = "none"
    """Accepted as before; torchrun is recognised without it."""
    trust_config: bool = False
    """Let the config import the code that it names."""

    def __call__(self) -> None:
        from selfscope.config.reader import load_config
        from selfscope.training.engine import TrainOptions, train

        options = [*self.cfg_options, *(["optim_wrapper.type=AmpOptimWrapper"] if self.amp else [])]
        config = load_config(self.config, options, trust=self.trust_config)
        work_dir = Path(self.work_dir or config.get("work_dir") or default_work_dir(self.config))
        wishes = TrainOptions(
            resume=self.resume,
            device=self.device,
            precision=self.precision,
            seed=self.seed,
            scale_lr=self.auto_scale_lr,
            trust=self.trust_config,
        )
        with ExitStack() as stack:
            stack.enter_context(log_to_console())
            stop = stack.enter_context(stop_on_signals())
            result = train(
                config,
                work_dir,
                wishes,
                visualizer=self._open(config, stack),
                stop=stop,
                progress=stack.enter_context(live_progress()),
            )
        if environment_rank():
            return
        if not result.finished:
            say(f"stopped after iteration {result.iter}; to go on: {self._again(work_dir)}")
            raise KeyboardInterrupt
        say(f"checkpoint: {result.checkpoint}")
        say(f"run: {result.run}")

    def _open(self, config: Config, stack: ExitStack) -> Callable[[Path], Visualizer]:
        """The config's Visualizer in the run's folder, where the log file is too."""

        def opened(run_dir: Path) -> Visualizer:
            if not environment_rank():
                stack.enter_context(log_to(run_dir / "train.log"))
            return open_visualizer(config, run_dir, self.trust_config)

        return opened

    def _again(self, work_dir: Path) -> str:
        """The command that goes on, with what decides about the numbers, on this machine's share of the processes."""
        from selfscope.training.devices import processes

        everywhere, here = processes()
        door = ["torchrun", "--nproc-per-node", str(here), "-m", "selfscope"] if everywhere > 1 else ["selfscope"]
        words = [*door, "train", self.config, "--work-dir", str(work_dir), "--resume"]
        for flag, value in (("--device", self.device), ("--precision", self.precision)):
            words += [flag, value] if value else []
        for flag, given in (
            ("--amp", self.amp),
            ("--auto-scale-lr", self.auto_scale_lr),
            ("--trust-config", self.trust_config),
        ):
            words += [flag] if given else []
        words += ["--cfg-options", *self.cfg_options] if self.cfg_options else []
        return shlex.join(words)


def with_resume_value(arguments: Sequence[str]) -> list[str]:
    """`--resume` alone, as MMSelfSup's `tools/train.py` takes it, becomes `--resume auto`."""
    given = list(arguments)
    for place, word in enumerate(given):
        after = given[place + 1] if place + 1 < len(given) else "--"
        if word == "--resume" and (after.startswith("-") or after.endswith(".py")):
            return [*given[: place + 1], "auto", *given[place + 1 :]]
    return given


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """The first Ctrl-C or SIGTERM asks for an end after the step at hand; the second ends at once.

    Of several processes one that is asked is enough: all end after the same step. torchrun itself hands both on to
    its processes, and kills those that are left after 30 seconds.
    """
    from selfscope.training.loop import Stop

    stop = Stop()

    def asked(signum: int, frame: Any) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True
        if not environment_rank():
            console(stderr=True).print("stopping after this step; once more to stop at once, and lose it", markup=False)

    previous = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def log_to_console() -> Iterator[None]:
    """What training logs, on the first process's standard output; a bar stays below the lines."""
    logger = logging.getLogger("selfscope.training")
    handler = _Printer() if not environment_rank() else logging.NullHandler()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


class _Printer(logging.Handler):
    """The loop's own lines and every warning, through rich, which keeps a live bar below them."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            say_error(record.getMessage())
        elif record.name == log.name:
            say(record.getMessage())


@contextmanager
def live_progress() -> Iterator[Callable[[TrainState, Any], None] | None]:
    """A bar over all iterations on a terminal: epoch, loss, rate, time left. Elsewhere the lines of the log do."""
    if environment_rank() or not console(stderr=True).is_terminal:
        yield None
        return
    with ExitStack() as stack:
        shown, update = 0.0, None

        def progress(state: TrainState, loss: Any) -> None:
            nonlocal shown, update
            update = update or stack.enter_context(progress_bar("training", "iterations"))
            now = time.monotonic()
            if now - shown < SHOWN_EVERY and state.iter < state.max_iters:
                return
            shown = now
            epoch = min((state.iter - 1) // state.epoch_length + 1, state.max_epochs)
            note = f"epoch {epoch}/{state.max_epochs}  loss {float(loss):.4f}  lr {state.numbers['lr']:.2e}"
            update(state.iter, state.max_iters, note)

        yield progress
