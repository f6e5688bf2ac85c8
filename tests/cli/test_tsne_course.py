"""Several checkpoints on one command line: one joint map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from selfscope.cli import main
from selfscope.cli.tsne_course import expanded
from selfscope.errors import UsageError
from selfscope.store.reader import open_run
from tests.cli.test_tsne_command import SMALL, Photos, run


def write_checkpoints(folder: Path, epochs: tuple[int, ...]) -> None:
    """The same random model with more and more of a second one in it."""
    from selfscope.views.load import load

    folder.mkdir()
    options = SMALL["vit-base-p16_imagenet"]
    first, second = (
        load("configs/tsne/vit-base-p16_imagenet.py", options=options, seed=seed).module.state_dict() for seed in (0, 1)
    )
    for i, epoch in enumerate(epochs):
        share = i / len(epochs)
        mixed = {k: torch.lerp(v, second[k], share) if v.is_floating_point() else v for k, v in first.items()}
        torch.save({"state_dict": mixed, "meta": {}}, folder / f"epoch_{epoch}.pth")


@pytest.mark.slow
def test_a_pattern_makes_one_map_in_order_of_training(
    photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_checkpoints(tmp_path / "w", (2, 10, 1))
    root = photos(classes=2, each=5)
    pattern = str(tmp_path / "w" / "epoch_*.pth")
    made = run(
        root,
        tmp_path / "W",
        "--checkpoint",
        pattern,
        "--format",
        "png",
        "svg",
        "--color-by",
        "drift",
        config="vit-base-p16_imagenet",
    )
    maps = list(open_run(made).embeddings.values())
    assert [emb.step for emb in maps] == [1, 2, 10]
    assert [Path(emb.settings["checkpoint"]).stem for emb in maps] == ["epoch_1", "epoch_2", "epoch_10"]
    for emb in maps:
        kept = made / "checkpoints" / Path(emb.settings["checkpoint"]).stem / "features" / f"{emb.key}.npy"
        assert np.array_equal(np.load(kept), emb.features[emb.key])
    assert np.isfinite(maps[1].columns["drift"]).all()
    pictures = made / "saved_pictures"
    assert {path.name.split("_course")[1] for path in pictures.iterdir()} == {".png", ".svg", ".webp"}
    with Image.open(next(pictures.glob("*.webp"))) as moving:
        assert moving.n_frames > 10
    assert "median drift" in capsys.readouterr().out


@pytest.mark.slow
def test_checkpoints_of_one_name_keep_their_features_apart(photos: Photos, tmp_path: Path) -> None:
    write_checkpoints(tmp_path / "a", (1,))
    write_checkpoints(tmp_path / "b", (0, 1))
    both = [str(tmp_path / name / "epoch_1.pth") for name in "ab"]
    made = run(photos(classes=2, each=5), tmp_path / "W", "--checkpoint", *both, config="vit-base-p16_imagenet")
    first, second = (np.load(next((made / "checkpoints" / name).rglob("feat_*.npy"))) for name in "ab")
    assert not np.allclose(first, second)
    assert [emb.settings["course"] for emb in open_run(made).embeddings.values()] == [["a/epoch_1", "b/epoch_1"]] * 2


def test_patterns_name_files_and_doubles_are_refused(tmp_path: Path) -> None:
    for name in ("a_1.pth", "a_2.pth", "a_[3].pth"):
        (tmp_path / name).touch()
    one, two = str(tmp_path / "a_1.pth"), str(tmp_path / "a_2.pth")
    assert sorted(expanded([str(tmp_path / "a_?.pth")])) == [one, two]
    assert expanded([str(tmp_path / "a_[3].pth"), "https://x.org/*.pth"]) == [
        str(tmp_path / "a_[3].pth"),
        "https://x.org/*.pth",
    ]
    with pytest.raises(UsageError, match="is given twice"):
        expanded([one, str(tmp_path / "a_?.pth")])
    with pytest.raises(UsageError, match="no file is named"):
        expanded([str(tmp_path / "b_*.pth")])


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--method", "pca"], "--method pca goes with a single checkpoint"),
        (["--seeds", "2", "--thumbnails", "3"], "--seeds, --thumbnails goes with a single checkpoint"),
        (["--color-by", "cluster"], "--color-by cluster goes with a single checkpoint"),
        (["--color-by", "drif"], "Did you mean 'drift'?"),
    ],
)
def test_flags_of_a_single_map_are_refused(
    flags: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["tsne", "configs/tsne/vit-base-p16_imagenet.py", "--checkpoint", "a.pth", "b.pth", *flags]
    assert main([*command, "--work-dir", str(tmp_path / "W")]) == 1
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "W").exists()


def test_the_config_may_follow_the_checkpoint(capsys: pytest.CaptureFixture[str]) -> None:
    """As MMSelfSup's users may have it in their scripts."""
    assert main(["tsne", "--checkpoint", "a.pth", "configs/tsne/no_such.py"]) == 1
    assert "configs/tsne/no_such.py: there is no such config" in capsys.readouterr().err
