"""The descent by torch, on the device that every machine has, against the compiled one."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.embedding.engine.attraction import begin_attraction
from selfscope.embedding.engine.descent import Descent
from selfscope.embedding.engine.field import Field
from selfscope.embedding.engine.on_device import DeviceDescent, checked_device
from selfscope.embedding.engine.pairs import Pairs
from selfscope.embedding.engine.schedule import Schedule
from selfscope.embedding.engine.workers import Workers
from selfscope.embedding.tsne import TSNE
from selfscope.embedding.watch import Snapshot
from selfscope.errors import RecordError
from tests.embedding.engine.test_descent import neighbourhood
from tests.embedding.engine.test_repulsion import error, map_of


@pytest.mark.parametrize(
    ("exact", "dimensions", "span"), [(True, 2, 40), (True, 3, 40), (False, 2, 90), (False, 3, 20)]
)
def test_forces_are_the_compiled_ones(workers: Workers, exact: bool, dimensions: int, span: float) -> None:
    affinities, _ = neighbourhood(800, 12, workers)
    coords = map_of(800, span, dimensions=dimensions)
    descent = DeviceDescent(affinities, coords, "cpu", exact=exact, grid_step=0.7)
    wanted = np.empty_like(coords)
    z = (Pairs(workers) if exact else Field(0.7, workers))(coords, wanted)
    assert error(descent._repulsion_of(descent._coords).numpy(), wanted) < 1e-3
    assert float(descent._z) == pytest.approx(z, rel=1e-4)
    begin_attraction(affinities, coords, wanted, workers).finish()
    assert error(descent._attraction_of(descent._coords).numpy(), wanted) < 1e-5


@pytest.mark.parametrize("components", [1, 2, 3])
def test_steps_are_the_compiled_ones(workers: Workers, components: int) -> None:
    affinities, _ = neighbourhood(300, 10, workers)
    start = np.random.default_rng(0).normal(0, 1, (300, components))
    ours = Descent(affinities, start, Pairs(workers), workers)
    theirs = DeviceDescent(affinities, start, "cpu", exact=True, grid_step=0.7)
    schedule = Schedule(300, 100)
    for iteration in (0, 1, 2, 20, 40, 90):
        for descent in (ours, theirs):
            descent.step(schedule[iteration])
        np.testing.assert_allclose(theirs.result(), ours.result(), atol=1e-3)
    assert theirs.divergence() == pytest.approx(ours.divergence(), rel=1e-4)


def features(n: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(0, 3, (9, 30))[np.arange(n) % 9] + rng.normal(size=(n, 30)) * (0.3 + np.arange(30) % 4 / 4)


@pytest.mark.slow
@pytest.mark.parametrize("n", [600, 2100])
def test_maps_are_as_good(n: int) -> None:
    """The divergence of finished maps is within 2 % of the compiled engine's."""
    ends: dict[str, list[Snapshot]] = {"cpu": [], "torch:cpu": []}
    for device, seen in ends.items():
        TSNE(n_iter=250, device=device)(features(n), watch=seen.append, every=250)
    assert ends["torch:cpu"][-1].divergence == pytest.approx(ends["cpu"][-1].divergence, rel=0.02)
    again = TSNE(n_iter=250, device="torch:cpu")(features(n))
    assert again.tobytes() == ends["torch:cpu"][-1].coords.tobytes()


def test_pieces_of_edges_add_up(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    from selfscope.embedding.engine import on_device

    affinities, _ = neighbourhood(200, 10, workers)
    coords = map_of(200, 30)
    descent = DeviceDescent(affinities, coords, "cpu", exact=True, grid_step=0.7)
    whole, divergence = descent._attraction_of(descent._coords), descent.divergence()
    monkeypatch.setattr(on_device, "EDGES", 77)
    monkeypatch.setattr(on_device, "PAIRS", 900)
    np.testing.assert_allclose(descent._attraction_of(descent._coords), whole, rtol=1e-4, atol=1e-7)
    assert descent.divergence() == pytest.approx(divergence, rel=1e-5)
    wanted = np.empty_like(coords)
    Pairs(workers)(coords, wanted)
    assert error(descent._repulsion_of(descent._coords).numpy(), wanted) < 1e-4


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:99", "", "torch"])
def test_a_device_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(RecordError, match=r"^device: "):
        TSNE(device=name)
    assert checked_device("torch:cpu") == "cpu"
