"""Randomness of training, drawn anew for every step and sample from (seed, place): nothing to save, nothing to drift.

Hooks may draw as they like, and a resumed run draws what an undisturbed one draws.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

import numpy as np
import torch

MASK = 0x6D61736B
"""Sets the masks apart from what the pipeline draws for the same sample."""


def seed_step(seed: int, rank: int, step: int) -> None:
    """Seeds the global generators of torch (all devices), NumPy and Python for one training step of one rank."""
    words = np.random.SeedSequence([seed, rank, step]).generate_state(3)
    torch.manual_seed(int(words[0]))
    np.random.seed(int(words[1]))  # noqa: NPY002 - what a model of the user's may draw from
    random.seed(int(words[2]))


def mask_generators(seed: int, epoch: int, indices: Iterable[int]) -> Iterator[np.random.Generator]:
    """For each sample what it draws from, the same whichever batch and rank it is in.

    It is one generator that is put to another place of its sequence for each, which costs a fifth of seeding one: draw
    from it before the next is asked for. (Philox: Salmon et al. 2011)
    """
    philox = np.random.Philox(key=np.random.SeedSequence([seed, MASK]).generate_state(2, np.uint64))
    generator, start = np.random.Generator(philox), philox.state
    for index in indices:
        start["state"]["counter"][:] = (0, 0, index, epoch)
        philox.state = start
        yield generator
