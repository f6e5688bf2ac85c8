"""`selfscope compare` from the command line, on real files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from selfscope.cli import main
from selfscope.embedding.likeness import linear_cka
from selfscope.records import Embedding
from selfscope.store.reader import open_run
from selfscope.visualization.visualizer import Visualizer


def make_run(folder: Path, features: np.ndarray, paths: tuple[str, ...], name: str) -> str:
    with Visualizer(vis_backends=[{"type": "LocalVisBackend"}], save_dir=str(folder)) as visualizer:
        visualizer.write(
            Embedding(
                "feat_0",
                features[:, :2],
                paths=paths,
                features={"feat_0": features},
                settings={"checkpoint": f"{name}.pth"},
            )
        )
    return str(folder)


def test_two_runs_of_the_same_photos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x, paths = np.random.default_rng(0).normal(size=(24, 4)).astype(np.float32), []
    for i in range(24):
        paths.append(str(tmp_path / f"{i}.png"))
        Image.new("RGB", (32, 24), (10 * i, 90, 200)).save(paths[-1])
    y = x.copy()
    y[3] = -5 * x[3]
    a, b = (make_run(tmp_path / name, f, tuple(paths), name) for name, f in (("first", x), ("second", y)))
    assert main(["compare", a, b, "--k", "4", "--work-dir", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "first · second: CKA" in said
    run = open_run(next((tmp_path / "out").iterdir()))
    tables = {entry.key: entry.load() for entry in run.tables}
    shared = np.asarray(tables["compare/items"].columns["neighbours_shared"])
    assert shared.argmin() == 3
    assert f"{tables['compare/pairs'].columns['cka'][0]:.3f}" in said
    assert {p.name for p in (run.path / "saved_pictures").iterdir()} == {"likeness.png", "moved.png"}


def test_a_folder_of_runs_names_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = make_run(tmp_path / "w" / "tsne_1", np.eye(6, dtype=np.float32), tuple("abcdef"), "a")
    assert main(["compare", str(tmp_path / "w"), made]) == 1
    assert f"not a run (no run.json or vis_data); give a run in it, such as {made}" in capsys.readouterr().err
    assert main(["compare", made, made, "--k", "0"]) == 1
    assert "compare: k: expected a whole number of at least 1, got 0" in capsys.readouterr().err


def test_twins_are_told_apart_by_where_they_are_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x, paths = np.random.default_rng(0).normal(size=(24, 4)).astype(np.float32), tuple(f"{i}.png" for i in range(24))
    trained = [make_run(tmp_path / f"tsne_{i}", x, paths, f"work/{name}/epoch_3") for i, name in enumerate("ab")]
    again = [make_run(tmp_path / f"again_{i}", x, paths, "epoch_3") for i in range(2)]
    for runs, names in ((trained, ["a/epoch_3", "b/epoch_3"]), (again, ["epoch_3 (again_0)", "epoch_3 (again_1)"])):
        out = tmp_path / names[0].replace("/", "_")
        assert main(["compare", *runs, "--k", "4", "--work-dir", str(out)]) == 0
        assert f"{names[0]} · {names[1]}: CKA" in capsys.readouterr().out
        tables = {entry.key: entry.load() for entry in open_run(next(out.iterdir())).tables}
        assert list(tables["compare/spaces"].columns["name"]) == names


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["one.npy"], "two or more"),
        (["one.npy", "none.npy"], "none.npy: no such file or run"),
        (["one.npy", "folder"], "not a run"),
        (["one.npy", "few.npy"], "one has 9 images, few 8"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    given: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("one.npy", np.eye(9))
    np.save("few.npy", np.eye(8))
    Path("folder").mkdir()
    assert main(["compare", *given]) == 1
    assert sentence in capsys.readouterr().err
    assert not Path("work_dirs").exists()


def test_a_run_of_several_checkpoints_is_a_table_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng, paths = np.random.default_rng(0), tuple(f"{i}.png" for i in range(20))
    spaces = [rng.normal(size=(20, 4)).astype(np.float32) for _ in range(3)]
    with Visualizer(vis_backends=[{"type": "LocalVisBackend"}], save_dir=str(tmp_path / "course")) as visualizer:
        for step, x in zip((10, 2, 1), spaces, strict=True):  # not in order
            told = {"checkpoint": f"epoch_{step}.pth"}
            visualizer.write(
                Embedding("feat_0", x[:, :2], paths=paths, features={"feat_0": x}, settings=told, step=step)
            )
    course = str(tmp_path / "course")
    assert main(["compare", course, "--k", "4", "--work-dir", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert [line.split()[1] for line in said.splitlines()[1:4]] == ["epoch_1", "epoch_2", "epoch_10"]
    cka = linear_cka(spaces[2], spaces[0])
    assert f"epoch_1 · epoch_10: CKA {cka:.3f}" in said
    assert main(["tsne", "--features", course, "--work-dir", str(tmp_path / "out")]) == 1
    assert "features of 3 checkpoints" in capsys.readouterr().err
