"""Charts: where data lie, round numbers on axes, and gaps."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.draw.chart import Axes, bar_chart, line_chart
from selfscope.draw.colour import palette
from selfscope.draw.ticks import log_ticks, nice_ticks, tick_text
from selfscope.errors import UsageError
from tests.draw.golden import check_golden

BLUE = palette(1)[0]


def ink(picture: np.ndarray, colour: tuple[int, int, int] = BLUE) -> np.ndarray:
    return np.abs(picture.astype(int) - colour).max(axis=2) < 60


@pytest.mark.parametrize("low", [0.0, -7.3, 0.001, 12345.0, 1e-9])
@pytest.mark.parametrize("span", [1e-8, 0.3, 1.0, 17.0, 9e7])
@pytest.mark.parametrize("count", [2, 5, 9])
def test_ticks_are_round_evenly_spaced_and_enclose_the_data(low: float, span: float, count: int) -> None:
    ticks = nice_ticks(low, low + span, count)
    assert ticks[0] <= low + 1e-9 * span
    assert ticks[-1] >= low + span - 1e-6 * span
    steps = np.diff(ticks)
    np.testing.assert_allclose(steps, steps[0], rtol=5e-3)
    mantissa = steps[0] / 10.0 ** np.floor(np.log10(steps[0]) + 1e-6)
    assert min(abs(mantissa - m) for m in (1, 2, 5, 10)) < 1e-2
    assert 2 <= len(ticks) <= 2 * count + 2


def test_one_value_has_one_tick() -> None:
    assert nice_ticks(3, 3) == [3]


def test_log_ticks_are_powers_of_ten() -> None:
    assert log_ticks(0.02, 30) == pytest.approx([0.01, 0.1, 1, 10, 100])
    assert len(log_ticks(1e-12, 1e12)) <= 8
    assert log_ticks(0.07, 1.3) == pytest.approx([0.05, 0.1, 0.2, 0.5, 1, 2])
    assert log_ticks(1, 1) == pytest.approx([1, 2])
    assert log_ticks(9, 10) == pytest.approx([5, 10])


@pytest.mark.parametrize("low", [1e-9, 0.1, 0.999, 3.0, 5e6])
@pytest.mark.parametrize("factor", [1.0, 1.01, 7, 99, 101, 1e7])
def test_log_ticks_enclose_the_data(low: float, factor: float) -> None:
    ticks = log_ticks(low, low * factor)
    assert ticks[0] <= low * (1 + 1e-6)
    assert ticks[-1] >= low * factor * (1 - 1e-6)
    assert 2 <= len(ticks) <= 9


@pytest.mark.parametrize(
    ("ticks", "texts"),
    [
        ([0, 0.25, 0.5], ["0", "0.25", "0.50"]),
        ([0, 20000, 40000], ["0", "20,000", "40,000"]),
        ([0, 5e5, 1e6], ["0", "0.5M", "1.0M"]),
        ([1e-7, 1.5e-7], ["1e-7", "1.5e-7"]),
        ([-2, -1, 0], ["-2", "-1", "0"]),
        ([1e9, 2e9], ["1e9", "2e9"]),
        ([7.0], ["7"]),
    ],
)
def test_tick_texts(ticks: list[float], texts: list[str]) -> None:
    assert [tick_text(tick, ticks) for tick in ticks] == texts


def test_axes_map_ranges_onto_pixels() -> None:
    axes = Axes(10, 20, 110, 220, (0, 5), (-1, 1))
    assert (axes.x(0), axes.x(5), axes.y(-1), axes.y(1)) == (10, 110, 220, 20)
    log = Axes(0, 0, 100, 100, (0, 1), (0.01, 1), logy=True)
    assert log.y(0.1) == pytest.approx(50)


def test_a_line_runs_through_its_points() -> None:
    picture = line_chart({"a": ([0, 1], [0, 1])}, size=(300, 500))
    rows, columns = ink(picture)[:, :430].nonzero()
    line = np.polyfit(columns, rows, 1)
    assert np.abs(np.polyval(line, columns) - rows).max() < 3
    assert line[0] < 0


def test_a_gap_is_left_and_a_lone_value_is_a_dot() -> None:
    x = np.arange(90)
    y = np.zeros(90)
    y[30:60] = np.nan
    y[45] = 0
    picture = line_chart({"": (x, y)}, size=(200, 600))
    columns = ink(picture).any(axis=0).nonzero()[0]
    widths = np.diff(np.concatenate([[-1], np.flatnonzero(np.diff(columns) > 1), [len(columns) - 1]]))
    assert len(widths) == 3
    assert widths[1] < 10 < min(widths[0], widths[2])


@pytest.mark.parametrize("logy", [False, True])
@pytest.mark.parametrize(
    "series",
    [
        {},
        {"a": ([], [])},
        {"a": ([1], [2])},
        {"a": ([1, 2], [np.nan, np.inf])},
        {"a": ([1, 2], [-1, 0])},
        {"a": ([1, 2], [3, 3])},
        {"a": ([1, 1], [3, 4])},
        {"a": ([0, 1e9], [1e-9, 1e9]), "b": ([5], [5])},
        {f"name {i}": ([0, 1], [i, i + 1]) for i in range(30)},
        {"a long name " * 9: ([0, 1], [0, 1])},
    ],
    ids=["none", "empty", "one", "no finite", "not positive", "constant", "one x", "extreme", "many", "long"],
)
def test_odd_series(series: dict[str, tuple[list[float], list[float]]], logy: bool) -> None:
    picture = line_chart(series, logy=logy, title="t", xlabel="x", ylabel="y", size=(240, 400))
    assert picture.shape == (240, 400, 3)


def test_names_at_line_ends_do_not_overlap() -> None:
    series = {f"name {i}": ([0, 1], [0, 1 + i * 1e-3]) for i in range(6)}
    picture = line_chart(series, size=(300, 500))
    rows = (picture[:, -50:].min(axis=(1, 2)) < 200).nonzero()[0]
    assert len(np.flatnonzero(np.diff(rows) > 1)) == 5


def test_tensors_are_taken_and_unequal_lengths_refused() -> None:
    with pytest.raises(UsageError, match="'a': expected x and y of one length"):
        line_chart({"a": ([1, 2], [1])})
    with pytest.raises(UsageError, match="60 × 100"):
        line_chart({}, size=(10, 10))


def test_bars_are_as_long_as_their_values() -> None:
    picture = bar_chart({"a": 1.0, "b": 0.5, "c": 0.0, "d": float("nan")}, size=(200, 500))
    rows = ink(picture)
    lengths = sorted({int(n) for n in rows.sum(axis=1) if n > 20})
    assert len(lengths) == 2
    assert lengths[0] * 2 == pytest.approx(lengths[1], abs=2)


def test_negative_bars_run_the_other_way() -> None:
    picture = bar_chart({"a": -1.0, "b": 1.0}, colours=[(200, 0, 0), (0, 0, 200)], size=(120, 400))
    red, blue = ink(picture, (200, 0, 0)).nonzero()[1], ink(picture, (0, 0, 200)).nonzero()[1]
    assert red.max() <= blue.min() + 1
    assert np.ptp(red) == pytest.approx(np.ptp(blue), abs=2)


def test_bars_without_values_or_colours_are_refused() -> None:
    with pytest.raises(UsageError, match="at least one value"):
        bar_chart({})
    with pytest.raises(UsageError, match="expected 2 colours"):
        bar_chart({"a": 1, "b": 2}, colours=["r"])


@pytest.mark.parametrize("values", [{"a": float("nan")}, {"a": 0}, {"a": -5}, {"name " * 40: 1e12}])
def test_odd_bars(values: dict[str, float]) -> None:
    assert bar_chart(values, title="t", xlabel="x").shape[2] == 3


def test_golden() -> None:
    x = np.arange(100)
    series = {"training": (x, np.exp(-x / 30) + 0.2), "held out": (x, np.exp(-x / 40) + 0.25)}
    check_golden(line_chart(series, title="Loss", xlabel="step", ylabel="error", size=(240, 400)), "chart")
