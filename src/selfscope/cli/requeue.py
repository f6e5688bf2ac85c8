"""Run folders of jobs that a scheduler may stop and start again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selfscope.cli.files import new_run_folder
from selfscope.store.cache import digest_of
from selfscope.store.claim import is_alive, read_json, write_json

MARK = "slurm.json"


def run_folder(parent: Path, prefix: str, arguments: Mapping[str, Any]) -> Path:
    """A new folder; in a SLURM job that was requeued, the one that the same command made when it first ran.

    SLURM says so by SLURM_RESTART_COUNT. The folder is known by the job and the command's arguments.
    """
    job = _job()
    if job is None:
        return new_run_folder(parent, prefix)
    mark = {"job": job, "command": digest_of(dict(arguments))}
    if int(os.environ.get("SLURM_RESTART_COUNT") or 0) > 0:
        for path in sorted(parent.glob(f"{prefix}*/{MARK}"), reverse=True):
            if read_json(path) == mark and not is_alive(path.parent):
                return path.parent
    folder = new_run_folder(parent, prefix)
    write_json(folder / MARK, mark)
    return folder


def _job() -> str | None:
    names = ("SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID") if "SLURM_ARRAY_JOB_ID" in os.environ else ("SLURM_JOB_ID",)
    parts = [os.environ.get(name, "") for name in names]
    return "_".join(parts) if all(parts) else None
