"""`selfscope tsne --features F.npy --onto RUN`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import selfscope as ss
from selfscope.cli import main


def test_new_features_go_onto_the_map_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 150)
    features = (9 * rng.normal(size=(3, 8))[labels] + rng.normal(size=(150, 8))).astype(np.float32)
    for name, rows in (("old", slice(0, 120)), ("new", slice(120, 150))):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "f.npy", features[rows])
        np.save(tmp_path / name / "labels.npy", labels[rows])
    start = ["tsne", "--work-dir", str(tmp_path / "W"), "--features"]
    assert main([*start, str(tmp_path / "old" / "f.npy"), "--n-iter", "120"]) == 0
    (old,) = (tmp_path / "W").iterdir()
    new = [*start, str(tmp_path / "new" / "f.npy"), "--onto", str(old)]
    assert main([*new, "--color-by", "trust"]) == 0
    (run,) = set((tmp_path / "W").iterdir()) - {old}
    before, after = (ss.open_run(path).embeddings["f"] for path in (old, run))
    assert after.coords[:120].tobytes() == before.coords.tobytes()
    assert after.coords.shape == (150, 2)
    capsys.readouterr()
    refusals = {
        ("--perplexity", "5"): "--perplexity is for a map of its own",
        ("--color-by", "norm"): "coloured by label, trust, continuity, recall, placed, not norm",
        ("--onto", str(tmp_path)): "holds no map",
    }
    for flags, words in refusals.items():
        assert main([*new, *flags]) == 1
        assert words in capsys.readouterr().err
