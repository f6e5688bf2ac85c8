"""`browse/<collection>/`: samples of a data set as the model sees them, with everything that was sampled.

Each sample is one line of `samples.jsonl` as it comes; `samples.parquet` (one row a view) and `overlaps.parquet`
(one row a pair of views) are made of these at close.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from selfscope.overlap import Overlap, pairwise
from selfscope.records import Sample, Step, View
from selfscope.sampled import columns
from selfscope.store.encode import decode_picture, encode_png
from selfscope.store.filenames import safe_name
from selfscope.store.files import RunFiles, write_bytes
from selfscope.store.lines import json_line, parse_lines
from selfscope.store.tables import rows_to_columns, write_parquet

_AT_ONCE = 256
"""Lines that are parsed together."""


def store_sample(run: RunFiles, record: Sample) -> None:
    """`settings["collection"]` names the folder; without it, `settings["phase"]`, or `samples`."""
    settings = record.settings
    folder = run.root / "browse" / safe_name(str(settings.get("collection") or settings.get("phase") or "samples"))
    name = f"{safe_name(record.key)}_{record.step}" if record.step else safe_name(record.key)
    data = encode_png(record.plot())
    path = run.save(folder / name, {".png": data})
    item = path.relative_to(folder).as_posix().removesuffix(".png")
    for part, picture in _pictures(record):
        write_bytes(folder / "views" / item / f"{part}.png", encode_png(picture))
    run.rows(folder, "samples", compile_samples).append(json_line(_sample_line(record, item)))
    run.index(record, path, size=len(data), id=item)


def _pictures(record: Sample) -> Iterator[tuple[str, np.ndarray]]:
    """Every picture of the record with its file name: `original`, `boxed`, `derived-<n>`, `<view>`, `<view>-<step>`."""
    for name, picture in (("original", record.original), ("boxed", record.boxed)):
        if picture is not None:
            yield name, picture
    for number, picture in enumerate(record.derived.values(), 1):
        yield f"derived-{number}", picture
    for number, view in enumerate(record.views, 1):
        yield f"{number}", view.picture
        for at, step in enumerate(view.steps, 1):
            if step.picture is not None:
                yield f"{number}-{at}", step.picture


def _sample_line(record: Sample, item: str) -> dict[str, Any]:
    views = [
        {
            "name": view.name,
            "crop": view.crop,
            "flip": view.flip,
            "steps": [_step_line(step) for step in view.steps],
        }
        for view in record.views
    ]
    return {
        "id": item,
        "key": record.key,
        "step": record.step,
        "path": record.path,
        "index": record.index,
        "label": record.label,
        "label_name": record.label_name,
        "views": views,
        "original": record.original is not None,
        "original_size": None if record.original is None else record.original.shape[1::-1],
        "mask": record.mask,
        "boxes": record.boxes,
        "boxed": record.boxed is not None,
        "derived": list(record.derived),
        "settings": dict(record.settings),
    }


def _step_line(step: Step) -> dict[str, Any]:
    kept = {} if step.picture is None else {"picture": True}
    return {"name": step.name, "params": dict(step.params), **kept}


def compile_samples(folder: Path) -> None:
    """Lines are read a few at a time: their masks and boxes would take many times what stays of them."""
    rows: list[dict[str, Any]] = []
    pairs: dict[str, list[Any]] = {name: [] for name in ("id", *Overlap._fields)}
    for line in _lines(folder / "samples.jsonl"):
        rows += [_view_row(line, number, view) for number, view in enumerate(line["views"], 1)]
        for overlap in pairwise([view["crop"] for view in line["views"]]):
            for name, value in zip(pairs, (line["id"], *overlap), strict=True):
                pairs[name].append(value)
    write_parquet(folder / "samples.parquet", rows_to_columns(rows))
    write_parquet(folder / "overlaps.parquet", pairs)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        while chunk := list(islice(file, _AT_ONCE)):
            yield from parse_lines([line for line in chunk if line.endswith(b"\n")])[0]


def _view_row(line: dict[str, Any], number: int, view: dict[str, Any]) -> dict[str, Any]:
    """One row of `samples.parquet`; `crop_area` is a share of the original, the mask lies on the first view."""
    crop = dict(zip(("crop_x", "crop_y", "crop_w", "crop_h"), view["crop"] or (None,) * 4, strict=True))
    size = line.get("original_size")
    area = view["crop"][2] * view["crop"][3] / (size[0] * size[1]) if size and view["crop"] else None
    params = columns(Step(step["name"], step["params"]) for step in view["steps"])
    known = {name: line[name] for name in ("id", "path", "label", "label_name", "step")}
    mask = line["mask"] if number == 1 else None
    hidden = {"mask_fraction": float(np.mean(np.asarray(mask) != 0))} if mask is not None else {}
    place = {"view": number, "view_name": view["name"], **crop, "crop_area": area, "flip": view["flip"]}
    return {**known, **place, **hidden, **params}


def load_sample(folder: Path, line: dict[str, Any]) -> Sample:
    """The record that one line of `samples.jsonl` stands for."""
    pictures = folder / "views" / line["id"]
    views = tuple(
        View(
            picture=decode_picture(pictures / f"{number}.png"),
            crop=None if view["crop"] is None else tuple(view["crop"]),
            flip=view["flip"],
            steps=tuple(_load_step(pictures / f"{number}-{at}.png", step) for at, step in enumerate(view["steps"], 1)),
            name=view["name"],
        )
        for number, view in enumerate(line["views"], 1)
    )
    return Sample(
        key=line["key"],
        views=views,
        path=line["path"],
        index=line["index"],
        label=line["label"],
        label_name=line["label_name"],
        original=decode_picture(pictures / "original.png") if line["original"] else None,
        mask=None if line["mask"] is None else np.asarray(line["mask"], np.uint8),
        boxes=None if line["boxes"] is None else np.asarray(line["boxes"], np.float32).reshape(-1, 4),
        boxed=decode_picture(pictures / "boxed.png") if line["boxed"] else None,
        settings=line["settings"],
        step=line["step"],
        derived={
            name: decode_picture(pictures / f"derived-{number}.png")
            for number, name in enumerate(line.get("derived", ()), 1)
        },
    )


def _load_step(picture: Path, line: dict[str, Any]) -> Step:
    return Step(line["name"], line["params"], decode_picture(picture) if line.get("picture") else None)
