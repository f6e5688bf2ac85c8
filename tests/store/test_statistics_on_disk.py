from __future__ import annotations

import json

import numpy as np

from selfscope.statistics import QUANTITIES, AugmentationStats, distribution
from selfscope.store.encode import decode_picture
from selfscope.store.reader import open_run
from selfscope.store.writer import Writer


def some_stats(key: str = "train", step: int = 0) -> AugmentationStats:
    area = distribution(np.random.default_rng(0).uniform(0.2, 1, 50), QUANTITIES["area"])
    assert area is not None
    return AugmentationStats(
        key,
        n=50,
        images=25,
        groups=("view",),
        distributions={"area": {"view": area}},
        shares={"flipped": {"view": 0.5}},
        mask_map=np.linspace(0, 1, 6).reshape(2, 3),
        warnings=("all 50 masks are equal",),
        settings={"seed": 0, "mask ratio": None},
        step=step,
    )


def test_statistics_come_back(tmp_path):
    given = some_stats()
    with Writer(tmp_path) as writer:
        writer.write(given)
        writer.write(some_stats("val/a b", step=3))
    run = open_run(tmp_path)
    assert list(run.statistics) == ["train", "val/a b/stats_3"]
    back = run.statistics["train"]
    for name in ("key", "n", "images", "groups", "shares", "warnings", "settings", "step"):
        assert getattr(back, name) == getattr(given, name)
    np.testing.assert_array_equal(back.mask_map, given.mask_map)
    kept, was = back.distributions["area"]["view"], given.distributions["area"]["view"]
    assert (kept.n, kept.mean, kept.std, kept.quantiles) == (was.n, was.mean, was.std, was.quantiles)
    np.testing.assert_array_equal(kept.counts, was.counts)
    np.testing.assert_array_equal(kept.edges, was.edges)
    np.testing.assert_array_equal(decode_picture(tmp_path / "browse/train/stats.png"), given.plot())
    np.testing.assert_array_equal(back.plot(), given.plot())


def test_the_file_reads_without_selfscope(tmp_path):
    with Writer(tmp_path) as writer:
        writer.write(some_stats())
    values = json.loads((tmp_path / "browse/train/stats.json").read_text())
    assert values["warnings"] == ["all 50 masks are equal"]
    area = values["distributions"]["area"]["view"]
    assert {"n", "mean", "std", "p5", "p25", "p50", "p75", "p95", "edges", "counts"} == set(area)
    assert sum(area["counts"]) == area["n"] == 50


def test_statistics_that_lie_elsewhere_are_left_out(tmp_path):
    with Writer(tmp_path):
        pass
    line = {"kind": "statistics", "key": "x", "step": 0, "_t": 1.0, "path": "elsewhere/stats.json"}
    (tmp_path / "vis_data" / "media.jsonl").write_text(json.dumps(line) + "\n")
    assert dict(open_run(tmp_path).statistics) == {}
