"""`browse/<key>/stats.json` and `stats.png`: what many draws of a pipeline do, as numbers and as one figure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from selfscope.statistics import QUANTILES, AugmentationStats, Distribution
from selfscope.store.encode import encode_png
from selfscope.store.filenames import safe_name
from selfscope.store.files import RunFiles
from selfscope.store.lines import plain


def store_statistics(run: RunFiles, record: AugmentationStats) -> None:
    stem = run.root / "browse" / safe_name(record.key) / (f"stats_{record.step}" if record.step else "stats")
    data = statistics_json(record)
    path = run.save(stem, {".json": data, ".png": encode_png(record.plot())})
    run.index(record, path, size=len(data))


def statistics_json(record: AugmentationStats) -> bytes:
    """Everything of the record, readable: distributions as mean, standard deviation, quantiles and counted bins."""
    values = {
        "key": record.key,
        "n": record.n,
        "images": record.images,
        "groups": record.groups,
        "warnings": record.warnings,
        "shares": record.shares,
        "distributions": {
            name: {group: _summary(found) for group, found in groups.items()}
            for name, groups in record.distributions.items()
        },
        "mask_map": record.mask_map,
        "settings": record.settings,
        "step": record.step,
    }
    return orjson.dumps(plain(values), option=orjson.OPT_INDENT_2)


def load_statistics(path: Path) -> AugmentationStats:
    """The record that a `stats.json` stands for."""
    values: dict[str, Any] = orjson.loads(path.read_bytes())
    mask_map = values["mask_map"]
    distributions = {
        name: {group: _distribution(summary) for group, summary in groups.items()}
        for name, groups in values["distributions"].items()
    }
    return AugmentationStats(
        **{name: values[name] for name in ("key", "n", "images", "shares", "settings", "step")},
        groups=tuple(values["groups"]),
        warnings=tuple(values["warnings"]),
        distributions=distributions,
        mask_map=None if mask_map is None else np.array(mask_map, np.float64),
    )


def _summary(found: Distribution) -> dict[str, Any]:
    quantiles = {f"p{round(100 * level)}": value for level, value in zip(QUANTILES, found.quantiles, strict=True)}
    numbers = {"n": found.n, "mean": found.mean, "std": found.std, **quantiles}
    return {**numbers, "edges": found.edges, "counts": found.counts}


def _distribution(summary: Mapping[str, Any]) -> Distribution:
    return Distribution(
        n=summary["n"],
        mean=summary["mean"],
        std=summary["std"],
        quantiles=tuple(summary[f"p{round(100 * level)}"] for level in QUANTILES),
        counts=np.array(summary["counts"], np.int64),
        edges=np.array(summary["edges"], np.float64),
    )
