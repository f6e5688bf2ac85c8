from __future__ import annotations

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

from selfscope.errors import RunError
from selfscope.store.reader import open_run
from tests.visualization.fakes import Remembering, build


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_is_refused(tmp_path):
    vis = build(Remembering(), save_dir=tmp_path)
    vis.add_scalar("a", 1.0, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        refused = 1
        try:
            vis.add_scalar("a", 1.0, 2)
        except RunError as error:
            refused = 0 if "a forked process cannot write" in str(error) else 2
        vis.close()
        os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    vis.close()
    np.testing.assert_array_equal(open_run(tmp_path).scalars("a").step, [1])


TWO_RANKS = """
import sys, torch
import torch.distributed as dist
from selfscope import Visualizer
dist.init_process_group("gloo")
vis = Visualizer(vis_backends=[dict(type="LocalVisBackend")], save_dir=sys.argv[1])
for step in range(10):
    value = torch.tensor(float(dist.get_rank()))
    dist.all_reduce(value)
    vis.add_scalars({"sum": value, "rank": dist.get_rank()}, step)
vis.close()
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_of_two_ranks_the_first_writes(tmp_path):
    (tmp_path / "loop.py").write_text(TWO_RANKS)
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "loop.py", "run"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, *command], check=True, cwd=tmp_path, env=environment, capture_output=True)
    run = open_run(tmp_path / "run")
    np.testing.assert_array_equal(run.scalars("rank").value, [0] * 10)
    np.testing.assert_array_equal(run.scalars("sum").value, [1] * 10)
    assert run.status == "finished"
