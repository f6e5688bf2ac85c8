"""A training loop that is yours, logged to a run folder (and anything else) and read back.

    python examples/plain_loop.py [FOLDER]

Add `dict(type="TensorboardVisBackend")` or `dict(type="WandbVisBackend")` to the list to have the same there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits

import selfscope as ss


def main(folder: Path) -> None:
    torch.manual_seed(0)
    digits = torch.from_numpy(load_digits().images).float().div(16).reshape(-1, 64)  # (N, 64) in [0, 1]
    model = torch.nn.Sequential(torch.nn.Linear(64, 8), torch.nn.GELU(), torch.nn.Linear(8, 64))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    with ss.Visualizer(vis_backends=[{"type": "LocalVisBackend"}], save_dir=folder) as vis:
        vis.add_config({"lr": 1e-2, "steps": 200, "batch_size": 256})
        vis.add_graph(model)
        for step in range(200):
            batch = digits[torch.randint(len(digits), (256,))]
            masked = batch * (torch.rand_like(batch) > 0.5)
            loss = (model(masked) - batch).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            vis.add_scalars({"loss": loss, "lr": optimizer.param_groups[0]["lr"]}, step=step)
            if step % 50 == 0:
                shown = torch.cat([batch[:8], masked[:8], model(masked[:8]).clamp(0, 1)]).reshape(-1, 1, 8, 8)
                vis.add_image("digits, masked, rebuilt", torch.nn.functional.interpolate(shown, scale_factor=4), step)
                vis.add_histogram("first layer", model[0].weight, step)
    run = ss.open_run(folder)
    loss_curve = run.scalars("loss").value
    print(
        f"{run.status}: loss {np.mean(loss_curve[:10]):.3f} -> {np.mean(loss_curve[-10:]):.3f}, "
        f"{len(run.pictures)} pictures in {folder}"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "work_dirs/examples/plain_loop"))
