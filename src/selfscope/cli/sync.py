"""`selfscope sync`: gives a tracker what it lacks of a run."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from pathlib import Path

from tyro.conf import Positional

from selfscope.cli.console import progress_bar, say, say_error
from selfscope.errors import UsageError, nearest

SUFFIX = "VisBackend"


@dataclass(frozen=True)
class Sync:
    """Sends a finished run's records to another backend, from where that backend has them."""

    run: Positional[str]
    """Run folder."""
    to: str = "wandb"
    """wandb, tensorboard, mlflow, trackio, swanlab, aim, clearml, dvclive, or any registered backend by name."""
    init_kwargs: tuple[str, ...] = ()
    """Arguments of the tracker's own start: project=ssl name=mae; of MLflow's backend: exp_name=ssl."""

    def __call__(self) -> None:
        from selfscope.config.options import parse_options
        from selfscope.config.registry import VISBACKENDS
        from selfscope.store.reader import open_run
        from selfscope.visualization.sync import sync

        run = open_run(self.run)
        known = {name.removesuffix(SUFFIX).lower(): name for name in VISBACKENDS.names() if name.endswith(SUFFIX)}
        kind = known.get(self.to.removesuffix(SUFFIX).lower())
        if kind is None or kind == "LocalVisBackend":
            others = sorted(set(known) - {"local"})
            raise UsageError(f"--to {self.to}: expected one of {', '.join(others)}.{nearest(self.to, others)}")
        options = parse_options(self.init_kwargs) if self.init_kwargs else {}
        if options and "init_kwargs" in signature(VISBACKENDS.get(kind)).parameters:
            options = {"init_kwargs": options}
        backend = VISBACKENDS.build({"type": kind, "save_dir": str(Path(self.run) / "vis_data"), **options})
        try:
            with progress_bar(f"sending {run.path.name} to {self.to}", "bytes") as progress:
                sent = sync(run, backend, progress=progress)
        finally:
            backend.close()
        say(f"{sent.count} records sent to {self.to}")
        for reason, count in sent.refused.items():
            say_error(f"{count} not sent: {reason}")
