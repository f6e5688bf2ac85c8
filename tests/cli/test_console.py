from __future__ import annotations

import pytest

from selfscope.cli import console


@pytest.mark.parametrize(
    ("carried", "told", "end"), [(True, "10/s, 80 s left", "100 images"), (False, "60/s, 13 s left", "600 images")]
)
def test_what_was_there_before_is_no_part_of_the_rate(
    carried: bool, told: str, end: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """500 of 1,400 were there, and 100 more took 10 seconds."""
    now = iter([0.0, 0.1, 10.0, 10.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(now))
    with console.progress_bar("extracting", carried=carried) as progress:
        progress(500, 1400)
        progress(600, 1400)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"extracting: 600/1400 images, {told}", f"extracting: {end} in 10.0 s"]
