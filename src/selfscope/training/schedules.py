"""How the learning rate (or momentum) moves: OpenMMLab's schedulers, each a rule from one value to the next.

Several act one after the other, each within its own `begin <= step < end`, on what the others left: a warm-up, then a
cosine. A rule knows the value before (`now`), the value that the parameter group began with (`base`) and how many
steps it has acted for (`t`, 0 at its begin).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

from torch.optim import Optimizer

from selfscope.errors import ConfigError, nearest

log = logging.getLogger(__name__)
FOREVER = int(1e9)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One scheduler of a config; counts epochs where `by_epoch`, else iterations."""

    per_epoch: ClassVar[tuple[str, ...]] = ()
    """Settings besides `begin` and `end` that count steps."""
    begin: int = 0
    end: int = FOREVER
    by_epoch: bool = True
    param_name: str = "lr"

    def __post_init__(self) -> None:
        if self.end <= self.begin:
            raise ConfigError(f"{type(self).__name__}: end must be after begin, got {self.begin} and {self.end}")

    def value(self, now: float, base: float, t: int) -> float:
        raise NotImplementedError

    def in_iterations(self, epoch_length: int) -> Rule:
        """The same over iterations: `convert_to_iter_based`."""
        scaled: dict[str, Any] = {}
        for name in ("begin", "end", *self.per_epoch):
            given = getattr(self, name)
            if isinstance(given, tuple):
                scaled[name] = tuple(step * epoch_length for step in given)
            elif given is not None and given != FOREVER:
                scaled[name] = int(given * epoch_length)
        return replace(self, by_epoch=False, **scaled)

    @property
    def last(self) -> int:
        """Steps from the first to the last within the range."""
        return self.end - self.begin - 1


@dataclass(frozen=True, kw_only=True)
class Linear(Rule):
    """From `start_factor` to `end_factor` of the value, in a line: the warm-up."""

    start_factor: float = 1 / 3
    end_factor: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_factors(self, "start_factor", "end_factor")

    def value(self, now: float, base: float, t: int) -> float:
        if t == 0:
            return now * self.start_factor
        rise = self.end_factor - self.start_factor
        return now * (1 + rise / (self.last * self.start_factor + (t - 1) * rise))


@dataclass(frozen=True, kw_only=True)
class CosineAnnealing(Rule):
    """Half a cosine from the value down to `eta_min` (or `eta_min_ratio` of the base) in `T_max` steps."""

    per_epoch: ClassVar[tuple[str, ...]] = ("T_max",)
    T_max: int | None = None
    eta_min: float | None = None
    eta_min_ratio: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.eta_min is not None and self.eta_min_ratio is not None:
            raise ConfigError("CosineAnnealing: give eta_min or eta_min_ratio, not both")

    def value(self, now: float, base: float, t: int) -> float:
        period = self.T_max or self.end - self.begin
        lowest = (self.eta_min or 0.0) if self.eta_min_ratio is None else base * self.eta_min_ratio
        if t == 0:
            return now
        if (t - 1 - period) % (2 * period) == 0:  # from the very bottom, where the quotient below is 0 / 0
            return now + (base - lowest) * (1 - math.cos(math.pi / period)) / 2
        fall = (1 + math.cos(math.pi * t / period)) / (1 + math.cos(math.pi * (t - 1) / period))
        return fall * (now - lowest) + lowest


@dataclass(frozen=True, kw_only=True)
class MultiStep(Rule):
    """Times `gamma` at each of the `milestones`, counted from `begin`."""

    per_epoch: ClassVar[tuple[str, ...]] = ("milestones",)
    milestones: tuple[int, ...] = field(default=())
    gamma: float = 0.1

    def value(self, now: float, base: float, t: int) -> float:
        return now * self.gamma ** self.milestones.count(t)


@dataclass(frozen=True, kw_only=True)
class Step(Rule):
    """Times `gamma` every `step_size` steps."""

    per_epoch: ClassVar[tuple[str, ...]] = ("step_size",)
    step_size: int = 0
    gamma: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.step_size < 1:
            raise ConfigError(f"StepLR: expected a step_size of at least 1, got {self.step_size}")

    def value(self, now: float, base: float, t: int) -> float:
        return now * self.gamma if t and t % self.step_size == 0 else now


@dataclass(frozen=True, kw_only=True)
class Constant(Rule):
    """`factor` of the value while it lasts, then the value again."""

    factor: float = 1 / 3

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_factors(self, "factor")

    def value(self, now: float, base: float, t: int) -> float:
        return now * self.factor if t == 0 else now / self.factor if t == self.last else now


@dataclass(frozen=True, kw_only=True)
class Exponential(Rule):
    """Times `gamma` every step."""

    gamma: float = 0.1

    def value(self, now: float, base: float, t: int) -> float:
        return now * self.gamma if t else now


@dataclass(frozen=True, kw_only=True)
class Poly(Rule):
    """Down to `eta_min` along a power of the steps that are left."""

    eta_min: float = 0.0
    power: float = 1.0

    def value(self, now: float, base: float, t: int) -> float:
        if t == 0:
            return now
        return (now - self.eta_min) * (1 - 1 / (self.last - t + 1)) ** self.power + self.eta_min


RULES: dict[str, type[Rule]] = {
    "LinearLR": Linear,
    "CosineAnnealingLR": CosineAnnealing,
    "MultiStepLR": MultiStep,
    "StepLR": Step,
    "ConstantLR": Constant,
    "ExponentialLR": Exponential,
    "PolyLR": Poly,
    "LinearMomentum": Linear,
    "CosineAnnealingMomentum": CosineAnnealing,
}


class Schedules:
    """All rules on one optimizer. A parameter group with `fix_lr` keeps its rate (SimSiam's predictor)."""

    def __init__(self, rules: Sequence[Rule], optimizer: Optimizer) -> None:
        self.rules, self._optimizer = tuple(rules), optimizer
        self._steps = [-1] * len(self.rules)
        for rule in self.rules:
            for group in optimizer.param_groups:
                if rule.param_name not in group:
                    raise ConfigError(f"{type(optimizer).__name__} has no {rule.param_name!r} to schedule")
                group.setdefault(f"initial_{rule.param_name}", group[rule.param_name])
        for place in range(len(self.rules)):
            self._advance(place)

    def step(self, *, by_epoch: bool) -> None:
        """After an epoch, or after an iteration: the rules that count these move on."""
        for place, rule in enumerate(self.rules):
            if rule.by_epoch == by_epoch:
                self._advance(place)

    def state_dict(self) -> list[dict[str, int]]:
        """Plain numbers; the values themselves stand in the optimizer's state."""
        return [{"step": step} for step in self._steps]

    def load_state_dict(self, state: Sequence[Mapping[str, int]]) -> None:
        if len(state) != len(self.rules):
            raise ConfigError(f"the checkpoint has {len(state)} param_schedulers, the config {len(self.rules)}")
        self._steps = [int(entry["step"]) for entry in state]

    def _advance(self, place: int) -> None:
        rule, self._steps[place] = self.rules[place], self._steps[place] + 1
        if not rule.begin <= self._steps[place] < rule.end:
            return
        t, name = self._steps[place] - rule.begin, rule.param_name
        for group in self._optimizer.param_groups:
            if not (name == "lr" and group.get("fix_lr")):
                group[name] = rule.value(group[name], group[f"initial_{name}"], t)


def build_rules(config: Any, *, max_epochs: int | None, max_iters: int, epoch_length: int) -> list[Rule]:
    """The `param_scheduler` of a config, one dict or a list; `end` defaults to the end of the training.

    A rule without an `end` that would begin after that does nothing, which is warned of.
    """
    listed = config if isinstance(config, (list, tuple)) else [config] if config else []
    wrong = next((entry for entry in listed if not isinstance(entry, Mapping)), None)
    if wrong is not None:
        raise ConfigError(f"param_scheduler: expected [dict(type=…), …], got {wrong!r:.80} in it")
    return [_build(entry, max_epochs, max_iters, epoch_length) for entry in listed]


def _build(config: Mapping[str, Any], max_epochs: int | None, max_iters: int, epoch_length: int) -> Rule:
    file, line = getattr(config, "origin", (None, None))
    name = str(config.get("type", "")).rpartition(".")[2]
    if name not in RULES:
        known = ", ".join(RULES)
        hint = nearest(name, RULES) or f" Known are {known}."
        raise ConfigError(f"param_scheduler: unknown type {name!r}.{hint}", file=file, line=line)
    given = {k: v for k, v in config.items() if k not in ("type", "_scope_", "convert_to_iter_based", "verbose")}
    if name.endswith("Momentum"):
        given["param_name"] = "momentum"
    known_names = [entry.name for entry in fields(RULES[name])]
    unknown = [key for key in given if key not in known_names]
    if unknown:
        raise ConfigError(
            f"{name} takes no argument {unknown[0]!r}.{nearest(unknown[0], known_names)}", file=file, line=line
        )
    by_epoch = given.get("by_epoch", True)
    given.setdefault("end", (max_epochs or FOREVER) if by_epoch else max_iters)
    if given.get("begin", 0) >= given["end"] and "end" not in config:
        unit = "epochs" if by_epoch else "iterations"
        over = f"begins after {given['begin']} {unit}, and the training ends after {given['end']}"
        log.warning("%s %s: it does nothing", name, over)
        given["end"] = given["begin"] + 1
    if "milestones" in given:
        given["milestones"] = tuple(given["milestones"])
    try:
        rule = RULES[name](**given)
    except (ConfigError, TypeError) as error:
        raise ConfigError(f"{name}: {error}", file=file, line=line) from error
    return rule.in_iterations(epoch_length) if by_epoch and config.get("convert_to_iter_based") else rule


def _check_factors(rule: Rule, *names: str) -> None:
    for name in names:
        if not 0 <= getattr(rule, name) <= 1:
            raise ConfigError(f"{name}: expected 0 to 1, got {getattr(rule, name)}")
