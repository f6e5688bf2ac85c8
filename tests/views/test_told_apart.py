"""Names of feature spaces: the file's, and for twins the part of their paths that differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfscope.views.told_apart import told_apart


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["w/mae/epoch_3.pth", "w/simmim/epoch_3.pth"], ["mae/epoch_3", "simmim/epoch_3"]),
        (["w/mae/epoch_3.pth", "w/mae/epoch_4.pth"], ["epoch_3", "epoch_4"]),
        (["w/a/1/epoch_3.pth", "w/b/2/epoch_3.pth"], ["a/…/epoch_3", "b/…/epoch_3"]),
        (["w/a/1/epoch_3.pth", "w/a/2/epoch_3.pth", "w/b/3/epoch_3.pth"], ["1/epoch_3", "2/epoch_3", "3/epoch_3"]),
        (["w/a/1/e.pth", "w/a/2/e.pth", "w/b/1/e.pth"], ["a/1/e", "a/2/e", "b/1/e"]),
        (["w/a/ckpt/e.pth", "w/b/ckpt/e.pth", "w/last.pth"], ["a/…/e", "b/…/e", "last"]),
        (["e.pth", "b/e.pth"], ["e", "b/e"]),
        (["a/e.pth", "a/e.safetensors"], ["e.pth", "e.safetensors"]),
        (["https://x.org/a/e.pth", "https://x.org/b/e.pth"], ["a/e", "b/e"]),
        (["a/e.pth", "./c/../b/e.pth"], ["a/e", "b/e"]),
        (["https://x.org/a/e.pth", "/w/b/e.pth"], ["https:/…/e", "w/…/e"]),
        (["größe 1/重み.pth", "größe 2/重み.pth"], ["größe 1/重み", "größe 2/重み"]),
        (["a/e.pth", "a/e.pth"], ["e (1)", "e (2)"]),
        (["features", "features", "a"], ["features (1)", "features (2)", "a"]),
    ],
)
def test_twins_are_called_by_the_folder_that_differs(sources: list[str], names: list[str]) -> None:
    assert told_apart(sources) == tuple(names)


def test_names_stay_below_whatever_folder_they_are_put_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert told_apart(["../a/e.pth", "b/e.pth"]) == ("a/e", "here/…/e")
    assert told_apart(["e.pth", str(tmp_path / "a" / "e.pth")]) == ("here/e", "a/e")
    assert told_apart(["e.pth", str(tmp_path / "here" / "e.pth")]) == ("e (1)", "e (2)")


def test_runs_tell_apart_what_is_of_one_checkpoint() -> None:
    assert told_apart(["a/e.pth", "a/e.pth"], ["/w/tsne_1", "/w/tsne_2"]) == ("e (tsne_1)", "e (tsne_2)")
    assert told_apart(["a/e.pth", "b/e.pth"], ["/w/tsne_1", "/w/tsne_2"]) == ("a/e", "b/e")
    assert told_apart(["a/e.pth", "a/e.pth"], ["/w/tsne_1", "/w/tsne_1"]) == ("e (1)", "e (2)")
    kept = [f"/w/tsne_{i}/features/feat_4.npy" for i in (1, 2)]
    assert told_apart(["feat_4.npy", "feat_4.npy"], kept) == ("tsne_1/…/feat_4", "tsne_2/…/feat_4")
