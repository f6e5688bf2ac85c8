"""`selfscope tsne --checkpoint A B …`: one joint map over the checkpoints of a training."""

from __future__ import annotations

import glob
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfscope.cli.console import log_to, progress_bar, say, say_skipped
from selfscope.cli.files import make_folder, new_run_folder, open_visualizer, save_features, save_picture
from selfscope.errors import UsageError

if TYPE_CHECKING:
    from selfscope.cli.tsne import Tsne
    from selfscope.cli.tsne_source import Source
    from selfscope.structures import Features
    from selfscope.views.course import Course

log = logging.getLogger("selfscope.tsne")


def map_course(command: Tsne, checkpoints: Sequence[str], options: dict[str, Any]) -> None:
    """Extracts each checkpoint's features in turn, maps them together, and leaves pictures and a run."""
    from selfscope.views.course import in_order, joint_tsne
    from selfscope.views.told_apart import told_apart

    _refuse(command)
    command.check_picture(course=True)
    paths = in_order(checkpoints)
    first = replace(command, checkpoint=(paths[0],)).source()  # refuses what is wrong before a folder is made
    folder = new_run_folder(first.parent, "tsne_")
    with ExitStack() as stack:
        stack.enter_context(log_to(folder / "extract.log"))
        log.info("selfscope tsne %s", {k: v for k, v in asdict(command).items() if v not in (None, ())})
        visualizer = stack.enter_context(open_visualizer(first.config, folder, command.trust_config, seed=command.seed))
        if first.config is not None:
            visualizer.add_config(first.config)
        below = [folder / "checkpoints" / name.replace("/…/", "/") for name in told_apart(paths)]
        features = [
            _features(command, None if i else first, path, own)
            for i, (path, own) in enumerate(zip(paths, below, strict=True))
        ]
        for stage in features[0].arrays:
            with progress_bar(f"joint t-SNE of {stage}", "iterations") as progress:
                course = joint_tsne(features, stage=stage, progress=progress, **options)
            for embedding in course.maps:
                visualizer.write(embedding)
            told = [*course.lines(), *course.caption(), *course.notes()]
            for line in [f"{stage}: {len(course.maps)} checkpoints", *(f"  {line}" for line in told)]:
                say(line)
                log.info("%s", line)
            picture = _draw(command, course, folder / "saved_pictures" / stage)
            if command.show:
                visualizer.show(picture, win_name=stage)
    say_skipped(features[0].skipped)
    say(f"run: {folder}")


def expanded(checkpoints: Sequence[str]) -> list[str]:
    """Patterns that the shell left alone (`'epoch_*.pth'`) become the files that they name; links stay."""
    found: list[str] = []
    for path in checkpoints:
        if "://" in path or not glob.has_magic(path) or Path(path).exists():
            found.append(path)
            continue
        named = glob.glob(path)
        if not named:
            raise UsageError(f"checkpoint: no file is named {path}")
        found += named
    twice = next((path for path in found if found.count(path) > 1), None)
    if twice:
        raise UsageError(f"checkpoint: {twice} is given twice; a course needs each checkpoint once")
    return found


def _features(command: Tsne, source: Source | None, path: str, own: Path) -> Features:
    """Of one checkpoint; kept in a folder of its own."""
    make_folder(own)
    source = source or replace(command, checkpoint=(path,)).source()
    features = source.read(own)
    save_features(features, own)
    for reason in features.skipped:
        log.warning("left out %s: %s", *reason)
    return features


def _refuse(command: Tsne) -> None:
    """Flags that several checkpoints have no use for are refused rather than passed over."""
    from selfscope.views.ranks import started

    given = {
        "--features": command.features is not None,
        f"--method {command.method}": command.method != "tsne",
        "--seeds": command.seeds != 1,
        "--thumbnails": command.thumbnails is not None,
        "--labels": command.labels is not None,
        f"--color-by {command.color_by}": command.color_by in ("cluster", "stability"),
        "--map-device": command.map_device != "cpu",
    }
    unused = [flag for flag, is_given in given.items() if is_given]
    if unused:
        raise UsageError(f"tsne: {', '.join(unused)} goes with a single checkpoint; leave it out to map several")
    if started().world > 1:
        raise UsageError("tsne: map several checkpoints in one process; torchrun can extract each of them before")


def _draw(command: Tsne, course: Course, base: Path) -> Any:
    """`<stage>_course.png` (and other formats), and `<stage>_course.webp`, which moves."""
    from selfscope.draw.scatter import vector_writer
    from selfscope.draw.scene import raster

    picture = raster(course.scene(color_by=command.color_by))
    for suffix in dict.fromkeys(command.format):
        path = base.with_name(f"{base.name}_course.{suffix}")
        if suffix == "png":
            save_picture(path, picture)
        else:
            make_folder(path.parent)
            path.write_bytes(vector_writer(f".{suffix}")(course.scene(color_by=command.color_by)))
        say(f"picture: {path}")
    moving = base.with_name(f"{base.name}_course.webp")
    save_moving_picture(moving, course, command.color_by)
    say(f"moving picture: {moving}")
    return picture


def save_moving_picture(path: Path, course: Course, color_by: str | None) -> None:
    """An animated WebP that starts over at its end."""
    from PIL import Image

    frames = [(Image.fromarray(frame.picture), frame.milliseconds) for frame in course.frames(color_by=color_by)]
    make_folder(path.parent)
    pictures, durations = zip(*frames, strict=True)
    pictures[0].save(
        path, save_all=True, append_images=pictures[1:], duration=list(durations), loop=0, quality=80, method=3
    )
