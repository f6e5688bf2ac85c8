"""What stands on the contact sheets of `selfscope browse`, and what is told of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from selfscope.cli import main
from selfscope.cli.browse_output import Draw, Drawn, Output, Wanted, _whose
from selfscope.draw import compose, glyphs, missing
from selfscope.records import Sample, View

Photos = Callable[..., Path]
MILAN = "configs/selfsup/milan/milan_vit-base-p16_16xb256-amp-coslr-400e_in1k.py"


@pytest.fixture
def sheets(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The words of every sheet that is made."""
    made: list[dict[str, Any]] = []
    draw = compose.contact_sheet

    def contact_sheet(cells: Any, **options: Any) -> np.ndarray:
        made.append(options)
        return draw(cells, **options)

    monkeypatch.setattr(compose, "contact_sheet", contact_sheet)
    return made


def browse(*flags: object) -> int:
    return main(["browse", *map(str, flags), "--not-show"])


def test_a_sheet_says_where_the_masks_of_its_samples_come_from(
    photos: Photos, tmp_path: Path, sheets: list[dict[str, Any]]
) -> None:
    data = [f"train_dataloader.dataset.{k}" for k in (f"data_root={photos()}", "ann_file=val.txt", 'data_prefix=""')]
    assert browse(MILAN, "--output-dir", tmp_path / "out", "-n", 2, "--cfg-options", *data) == 0
    (sheet,) = sheets
    assert sheet["footer"] == [
        "samples 1 to 2",
        "mask drawn evenly, ratio 0.75; MILAN keeps more of those that CLIP attends to",
    ]
    assert sheet["title"] == f"{Path(MILAN).stem} · train · seed 0"


def test_a_sheet_says_how_bands_became_colours(tmp_path: Path, sheets: list[dict[str, Any]]) -> None:
    (tmp_path / "scenes.v2").mkdir()
    np.save(tmp_path / "scenes.v2" / "a.npy", np.arange(6 * 20 * 30, dtype=np.uint16).reshape(6, 20, 30))
    bands = ["--bands", "4,3,2", "--band-range", 0, 3000]
    assert browse(tmp_path / "scenes.v2", *bands, "--output-dir", tmp_path / "out") == 0
    (sheet,) = sheets
    first, rule = sheet["footer"]
    assert first == "sample 1"
    assert "bands 4, 3, 2" in rule
    assert "3000" in rule
    assert sheet["title"] == "scenes.v2 · seed 0"  # a plain folder has no phases


def test_of_notes_that_differ_in_each_sample_the_first_few_stand_on_the_sheet(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sheets: list[dict[str, Any]]
) -> None:
    stretched = "def wide(image):\n    return np.asarray(image, np.float32) * np.random.uniform(5, 9) - 900\n"
    (tmp_path / "own_ranges.py").write_text(f"import numpy as np\n{stretched}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    root = photos(classes=1, each=9)
    assert browse(root, "--transform", "own_ranges:wide", "--grid", "--output-dir", "out") == 0
    footer = sheets[0]["footer"]
    assert len(footer) == 8
    assert footer[-1] == "and 3 more; each stands below its own picture"


def test_one_picture_is_not_told_as_several(photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "out"
    assert browse(photos(), "-n", 1, "--output-dir", out) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"1 picture in {out}",
        f"contact sheet of it: {out / 'contact_sheet.png'}",
    ]
    assert browse(photos(), "-n", 1, "--grid", "--output-dir", out) == 0
    assert capsys.readouterr().out == f"1 contact sheet of 1 sample in {out}\n"


@pytest.mark.parametrize(
    ("keys", "told"),
    [(["a", "b", "c"], "cut"), (["b"], "b: cut"), (["a", "c"], "cut (2 of 3 samples)")],
)
def test_a_sheets_note_says_which_samples_it_is_about(keys: list[str], told: str) -> None:
    assert _whose("cut", keys, 3) == told


@pytest.mark.parametrize(
    ("side", "more", "sampling"),
    [
        (224, {}, 2),
        (224, {"mask": np.eye(14, dtype=np.uint8)}, 0),
        (224, {"settings": {"mode": "concat"}}, 0),
        (32, {}, 0),  # enlarged, with edges between its pixels
    ],
)
def test_colours_keep_their_resolution_where_ink_or_enlarged_pixels_have_any(
    side: int, more: dict[str, Any], sampling: int
) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    sample = Sample("a", (View(picture, crop=(0, 0, side, side)),), path="a.jpg", original=picture, **more)
    file = Draw(files=True)(sample).file
    assert file is not None
    with Image.open(BytesIO(file)) as image:
        assert JpegImagePlugin.get_sampling(image) == sampling


def test_a_missing_font_is_told_of_samples_that_silent_workers_drew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(glyphs, "faces", lambda: ())
    monkeypatch.setattr(missing, "_told", set())
    for cached in (glyphs.resolve, glyphs._face_of):
        cached.cache_clear()
    wanted = Wanted(tmp_path / "out", records=False, show_seconds=None, grid=False, title="", mode="transformed")
    output = Output(wanted, None, None)
    try:
        output.take(Drawn("a", "a · é", ".png", file=b""))
        output.take(Drawn("猫", "猫", ".png"))  # no picture, no letters
        assert caplog.messages == []
        output.take(Drawn("b", "b · 犬", ".png", file=b""))
        assert [message.partition(",")[0] for message in caplog.messages] == ["no font of this machine has '犬'"]
    finally:
        monkeypatch.undo()
        for cached in (glyphs.resolve, glyphs._face_of):
            cached.cache_clear()
