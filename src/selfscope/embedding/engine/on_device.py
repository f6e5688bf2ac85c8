"""The same descent by torch, for a graphics processor: same schedule, same grid, same influence function.

Torch is imported when a device is asked for. Sums over edges and over a grid's nodes run in any order on CUDA, so that
two runs may differ in the last bits, and then in detail, unless `torch.use_deterministic_algorithms(True)` was called.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from selfscope.embedding.engine.descent import LONGEST_STEP, Descent
from selfscope.embedding.engine.field import grid_step, padded
from selfscope.embedding.engine.influence import effect_on_itself, influence
from selfscope.embedding.engine.schedule import Pace
from selfscope.embedding.engine.symmetry import Affinities
from selfscope.embedding.engine.window import WIDTH
from selfscope.errors import RecordError

if TYPE_CHECKING:
    from torch import Tensor

EDGES = 2**22
"""Edges that are pulled along at a time: bounds the memory."""
PAIRS = 2**24
LETTERS = "abc"


def checked_device(name: str) -> str:
    """The torch device of `cuda`, `cuda:1`, `mps`, or `torch:cpu`, if this machine has it."""
    if not re.fullmatch(r"cuda(:\d+)?|mps|torch:cpu", name):
        raise RecordError(f"device: expected cpu, cuda, cuda:<number>, mps or torch:cpu, got {name!r}")
    import torch

    kind, _, number = name.partition(":")
    if kind == "torch":
        return "cpu"
    present = torch.cuda.device_count() if kind == "cuda" else int(torch.backends.mps.is_available())
    if int(number or 0) >= present:
        raise RecordError(f"device: {name!r} was asked for, and torch finds {present} of that kind: use device='cpu'")
    return name


class DeviceDescent(Descent):
    """`Descent` whose state lies on a torch device; with `exact`, all pairs repel, else a grid of `grid_step`."""

    def __init__(
        self, affinities: Affinities, start: np.ndarray, device: str, *, exact: bool, grid_step: float
    ) -> None:
        import torch

        n, self._components = start.shape
        coords = np.zeros((n, max(self._components, 2)), np.float32)
        coords[:, : self._components] = start
        self._exact, self._step = exact, grid_step
        self._coords = torch.from_numpy(coords).to(device)
        self._speed, self._gain = torch.zeros_like(self._coords), torch.ones_like(self._coords)
        rows = np.repeat(np.arange(n), np.diff(affinities.starts))
        edges = (rows, affinities.columns.astype(np.int64), affinities.values)
        self._rows, self._columns, self._values = (torch.from_numpy(part).to(device) for part in edges)
        p = affinities.values.astype(np.float64)
        p = p[p > 0]
        self._entropy, self._mass = float((p * np.log(p)).sum()), float(p.sum())
        self._z = torch.ones((), device=device)
        self._influences: dict[tuple, Tensor] = {}

    def step(self, pace: Pace, tie: np.ndarray | None = None) -> None:
        """One iteration; `tie` is for maps that are tied to others, which are made on the processor."""
        if tie is not None:
            raise RecordError("device: maps that are tied to each other are made with device='cpu'")
        pull, push = self._attraction_of(self._coords), self._repulsion_of(self._coords)
        slope = 4 * pace.exaggeration * pull - 4 / self._z * push
        gains = (self._gain + 0.2).where(slope * self._speed < 0, self._gain * 0.8).clamp_min(0.01)
        velocity = pace.momentum * self._speed - pace.learning_rate * gains * slope
        velocity *= (LONGEST_STEP / velocity.norm(dim=1, keepdim=True).clamp_min(1e-30)).clamp_max(1)
        self._gain, self._speed, self._coords = gains, velocity, self._coords + velocity

    def divergence(self) -> float:
        """KL as of the last step's normaliser."""
        total = 0.0
        for part in self._pieces():
            square = (self._coords[self._rows[part]] - self._coords[self._columns[part]]).square().sum(dim=1)
            total += float((self._values[part] * square.log1p()).sum())
        return self._entropy + total + math.log(float(self._z)) * self._mass

    def result(self) -> np.ndarray:
        coords = self._coords[:, : self._components].cpu().numpy()
        return np.ascontiguousarray(coords - coords.mean(axis=0, dtype=np.float64), dtype=np.float32)

    def _pieces(self) -> list[slice]:
        return [slice(first, first + EDGES) for first in range(0, len(self._values), EDGES)]

    def _attraction_of(self, coords: Tensor) -> Tensor:
        """Σⱼ pᵢⱼ qᵢⱼ (yᵢ - yⱼ)."""
        pull = coords.new_zeros(coords.shape)
        for part in self._pieces():
            apart = coords[self._rows[part]] - coords[self._columns[part]]  # (E, 2 or 3)
            weight = self._values[part] / (1 + apart.square().sum(dim=1))
            pull.index_add_(0, self._rows[part], weight[:, None] * apart)
        return pull

    def _repulsion_of(self, coords: Tensor) -> Tensor:
        """Σⱼ qᵢⱼ² (yᵢ - yⱼ); notes the normaliser."""
        push, z = self._by_pairs(coords) if self._exact else self._by_grid(coords)
        if self._components == 1:
            push[:, 1] = 0  # the grid leaves traces of rounding across the line
        self._z = z.clamp_min(1e-12)
        return push

    def _by_pairs(self, coords: Tensor) -> tuple[Tensor, Tensor]:
        push, z = coords.new_empty(coords.shape), coords.new_zeros(())
        size = max(PAIRS // len(coords), 1)
        for first in range(0, len(coords), size):
            apart = coords[first : first + size, None] - coords  # (n, N, 2 or 3)
            q = 1 / (1 + apart.square().sum(dim=2))
            push[first : first + size] = (q.square()[:, :, None] * apart).sum(dim=1)
            z = z + q.sum()
        return push, z - len(coords)

    def _by_grid(self, coords: Tensor) -> tuple[Tensor, Tensor]:
        import torch

        dimensions = coords.shape[1]
        low, high = torch.stack([coords.amin(dim=0), coords.amax(dim=0)]).tolist()
        sides = [b - a for a, b in zip(low, high, strict=True)]
        step = grid_step(max(sides), self._step, dimensions)
        shape = [int(side / step) + WIDTH + 1 for side in sides]
        place = ((coords - coords.amin(dim=0)) / step).clamp_min(0)
        node = place.floor()
        values, slopes = _splines(place - node)  # (N, 4, axes) each
        index = _node_numbers(node.long(), shape)  # (N, 4, 4[, 4])
        charges = _outer([values[:, :, axis] for axis in range(dimensions)])
        grid = coords.new_zeros(math.prod(shape)).index_add_(0, index.flatten(), charges.flatten()).view(shape)
        potential = self._convolved(grid, step)
        near = potential.flatten()[index]
        own, own_potential = effect_on_itself(step, dimensions)
        bins = ((place - node) * len(own)).long().clamp_max(len(own) - 1)
        effect = torch.from_numpy(own).to(coords.device)
        push = coords.new_empty(coords.shape)
        for axis in range(dimensions):
            factors = [(slopes if other == axis else values)[:, :, other] for other in range(dimensions)]
            others = [other for other in range(dimensions) if other != axis]
            push[:, axis] = (near * _outer(factors)).flatten(1).sum(dim=1)
            push[:, axis] -= effect[tuple(bins[:, other] for other in (axis, *others))]
        return push * (-0.5 / step), (grid * potential).sum() - len(coords) * own_potential

    def _convolved(self, charges: Tensor, step: float) -> Tensor:
        import torch

        sides = tuple(padded(nodes, charges.ndim) for nodes in charges.shape)
        if (sides, step) not in self._influences:
            self._influences[sides, step] = torch.from_numpy(influence(sides, step)).to(charges.device)
        waves = torch.fft.rfftn(charges, s=sides) * self._influences[sides, step]
        return torch.fft.irfftn(waves, s=sides)[tuple(slice(nodes) for nodes in charges.shape)]


def _splines(t: Tensor) -> tuple[Tensor, Tensor]:
    """Weights of four nodes and their derivatives, `(N, 4, axes)`; see `window`."""
    import torch

    s = 1 - t
    values = [s**3 / 6, 2 / 3 - t * t * (1 - t / 2), 2 / 3 - s * s * (1 - s / 2), t**3 / 6]
    slopes = [-s * s / 2, t * (1.5 * t - 2), s * (2 - 1.5 * s), t * t / 2]
    return torch.stack(values, dim=1), torch.stack(slopes, dim=1)


def _outer(factors: list[Tensor]) -> Tensor:
    """The product `(N, 4, 4[, 4])` of weights (N, 4) along each axis."""
    import torch

    letters = LETTERS[: len(factors)]
    return torch.einsum(",".join(f"n{letter}" for letter in letters) + f"->n{letters}", *factors)


def _node_numbers(node: Tensor, shape: list[int]) -> Tensor:
    """Places in the flattened grid of the nodes that each point touches, `(N, 4, 4[, 4])`."""
    import torch

    numbers = node.new_zeros(len(node), *[1] * len(shape))
    for axis, nodes in enumerate(shape):
        along = node[:, axis, None] + torch.arange(WIDTH, device=node.device)  # (N, 4)
        numbers = numbers * nodes + along.view(len(node), *[WIDTH if axis == at else 1 for at in range(len(shape))])
    return numbers
