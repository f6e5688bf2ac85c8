"""Numbers on their way from a device: read once they have arrived, so that logging never makes a GPU wait."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import torch

from selfscope.errors import UsageError

K = TypeVar("K")


class Arrival:
    """Tensors of one element each on a CUDA device, sent to the host in one copy that nobody waits for."""

    def __init__(self, tensors: list[torch.Tensor]) -> None:
        stacked = torch.stack([tensor.reshape(()).double() for tensor in tensors])
        self._values = stacked.to("cpu", non_blocking=True)  # into pinned memory
        self._event = torch.cuda.Event()
        self._event.record(torch.cuda.current_stream(stacked.device))

    def here(self) -> bool:
        return bool(self._event.query())

    def values(self) -> list[float]:
        """Waits, if need be."""
        self._event.synchronize()
        return self._values.tolist()


class Readings(Generic[K]):
    """A queue: `put` what a step gave, take what has `arrived`, in order, one or two steps later on a GPU.

    Values on the CPU, and plain numbers, have arrived at once. `send` begins a transfer: see `Arrival`.
    """

    def __init__(self, send: Callable[[list[torch.Tensor]], Any] = Arrival) -> None:
        self._send = send
        self._waiting: deque[tuple[K, dict[str, float], list[str], Any]] = deque()

    def put(self, key: K, values: Mapping[str, Any]) -> None:
        numbers: dict[str, float] = {}
        away: dict[str, torch.Tensor] = {}
        for name, value in values.items():
            if isinstance(value, torch.Tensor) and value.is_cuda and value.numel() == 1:
                away[name] = value.detach()
                numbers[name] = math.nan  # keeps its place in the order
            else:
                numbers[name] = _number(name, value)
        self._waiting.append((key, numbers, list(away), self._send(list(away.values())) if away else None))

    def arrived(self, *, wait: bool = False) -> Iterator[tuple[K, dict[str, float]]]:
        """Everything put so far whose values are here, oldest first; `wait` for all of it."""
        while self._waiting and (wait or self._waiting[0][3] is None or self._waiting[0][3].here()):
            key, numbers, names, arrival = self._waiting.popleft()
            if arrival is not None:
                numbers.update(zip(names, arrival.values(), strict=True))
            yield key, numbers


def _number(name: str, value: Any) -> float:
    if value.__class__ is float:
        return value
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        shape = getattr(value, "shape", None)
        given = f"a {type(value).__name__}" + ("" if shape is None else f" of shape {tuple(shape)}")
        raise UsageError(f"{name}: expected one number to log, got {given}") from error
