from __future__ import annotations

import pytest

from selfscope.cli import console
from selfscope.cli.rate import Rate, in_words


@pytest.mark.parametrize(("carried", "end"), [(True, "200 images"), (False, "700 images")])
def test_what_was_there_before_is_no_part_of_the_rate(
    carried: bool, end: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """500 of 1,400 came at once, the others 10 a second: of what was kept, or from processes that took 8 s to start."""
    now = iter([0.0, 8.0, 18.0, 28.0, 28.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(now))
    with console.progress_bar("extracting", carried=carried) as progress:
        progress(500, 1400)
        progress(600, 1400)
        progress(700, 1400)
    *_, told, last = capsys.readouterr().err.splitlines()
    assert told == "extracting: 700/1400 images, 10/s, 70 s left"
    assert last == f"extracting: {end} in 28.0 s"


def test_nothing_is_foretold_from_a_first_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = iter([0.0, 60.0, 60.0, 60.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(now))
    with console.progress_bar("browsing") as progress:
        progress(1, 9000)
        progress(2, 9000)
    assert capsys.readouterr().err.splitlines() == ["browsing: 1/9000 images", "browsing: 2 images in 60.0 s"]


def seen(*reports: tuple[float, int]) -> Rate:
    rate = Rate()
    for now, done in reports:
        rate.see(done, now)
    return rate


def test_a_burst_is_no_rate() -> None:
    burst = seen(*((5 + i / 1000, i) for i in range(1, 9)))
    assert burst.per_second(5.01) is None
    assert burst.per_second(60.0) == pytest.approx(7 / (55 * 7 / 8), rel=0.01)
    assert seen((0, 1), (9, 2)).per_second(9) is None


def test_a_steady_rate_is_told_between_reports_too() -> None:
    steady = seen(*((0.5 * i, 2 * i) for i in range(1, 100)))
    assert steady.per_second(49.5) == steady.per_second(49.9) == pytest.approx(4)
    assert steady.per_second(200) < 1


def test_a_rate_follows_the_last_half_minute() -> None:
    changed = seen(*((i, 10 * i) for i in range(60)), *((60 + i, 600 + i) for i in range(60)))
    assert changed.per_second(119) == pytest.approx(1)
    slow = seen(*((40 * i, i) for i in range(20)))
    assert slow.per_second(760) == pytest.approx(1 / 40)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (3599, "1 h 0 min"), (12000, "3 h 20 min")]
)
def test_time_left_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == f"{words} left"


@pytest.mark.parametrize(
    ("count", "words"), [(1, "1 image could not be read, and is"), (2, "2 images could not be read, and are")]
)
def test_what_was_skipped_is_counted(count: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    console.say_skipped([("a.jpg", "is empty")] * count)
    assert capsys.readouterr().err.splitlines() == [
        f"selfscope: {words} left out:",
        *["selfscope: a.jpg: is empty"] * count,
    ]
