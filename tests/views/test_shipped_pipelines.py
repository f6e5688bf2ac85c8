"""Every shipped pre-training config gives the views, masks and boxes that its algorithm uses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from selfscope.records import Sample
from selfscope.views.browse import browse

CONFIGS = Path(__file__).parents[2] / "configs" / "selfsup"
OWN_DATA = ("_cifar10", "_digits")
"""Configs of these data sets bring their own pictures; they are trained, and so browsed, elsewhere."""


@dataclass(frozen=True)
class Expected:
    sizes: tuple[int, ...]
    names: tuple[str, ...] = ()
    mask: tuple[int, int] | None = None
    """Side of the grid, and how many of its cells are removed."""
    boxes: int = 0
    same_place: bool = False


PAIR = Expected((224, 224), ("view 1", "view 2"))
ONE = Expected((224,), ("view",))
MAE = Expected((224,), ("view",), (14, 147))
ALGORITHMS = {
    "barlowtwins": PAIR,
    "beit": Expected((224, 112), ("view", "target"), (14, 75), same_place=True),
    "beitv2": Expected((224, 224), ("view", "target"), (14, 75), same_place=True),
    "byol": PAIR,
    "cae": Expected((224, 112), ("view", "target"), (14, 75), same_place=True),
    "deepcluster": ONE,
    "densecl": PAIR,
    "dino": Expected((224, 224, *[96] * 8)),
    "eva": MAE,
    "interclr": PAIR,
    "mae": MAE,
    "maskfeat": Expected((224,), ("view",), (14, 78)),
    "milan": MAE,
    "mixmim": Expected((224,), ("view",), (7, 24)),
    "mocov1": PAIR,
    "mocov2": PAIR,
    "mocov3": PAIR,
    "npid": ONE,
    "odc": ONE,
    "pixmim": MAE,
    "relative_loc": Expected((64,) * 9, ("centre", "0 upper left", "1 above"), boxes=9),
    "rotation_pred": Expected((224,) * 4, ("0°", "90°", "180°", "270°"), same_place=True),
    "simclr": PAIR,
    "simmim": Expected((192,), ("view",), (48, 22 * 64)),
    "simsiam": PAIR,
    "swav": Expected((224, 224, *[96] * 6)),
}
FILES = sorted(path.relative_to(CONFIGS) for path in CONFIGS.glob("[!_]*/*.py") if not path.stem.endswith(OWN_DATA))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image

    from tests.conftest import smooth_picture

    root = tmp_path_factory.mktemp("photos")
    for kind in range(2):
        (root / f"kind {kind}").mkdir()
        Image.fromarray(smooth_picture(kind, 300, 400)).save(root / f"kind {kind}" / "1.jpg")
    return root


def browsed(file: Path, folder: Path, n: int) -> list[Sample]:
    where = [f"train_dataloader.dataset.{entry}" for entry in (f"data_root={folder}", 'ann_file=""', 'data_prefix=""')]
    return list(browse(CONFIGS / file, n=n, options=where))


def test_every_algorithm_is_here() -> None:
    assert {file.parts[0] for file in FILES} == set(ALGORITHMS)


@pytest.mark.parametrize("file", FILES, ids=str)
def test_what_the_algorithm_uses_is_what_is_browsed(file: Path, folder: Path) -> None:
    expected = ALGORITHMS[file.parts[0]]
    for sample in browsed(file, folder, 1 if expected is MAE else 2):
        assert tuple(view.picture.shape[0] for view in sample.views) == expected.sizes
        assert tuple(view.name for view in sample.views)[: len(expected.names)] == expected.names
        assert all(view.crop is not None for view in sample.views)
        assert len({view.crop for view in sample.views}) == 1 or not expected.same_place
        grid = int(file.stem.startswith("mae_vit-huge")) * 2 + (expected.mask or (0, 0))[0]
        removed = 192 if grid == 16 else (expected.mask or (0, 0))[1]
        assert (sample.mask is None) == (expected.mask is None)
        if sample.mask is not None:
            assert sample.mask.shape == (grid, grid)
            assert sample.mask.sum() == removed
        assert (0 if sample.boxes is None else len(sample.boxes)) == expected.boxes
        assert sample.plot().std() > 5


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_samples_differ_and_say_what_was_drawn(algorithm: str, folder: Path) -> None:
    file = next(file for file in FILES if file.parts[0] == algorithm)
    first, second = browsed(file, folder, 2)
    assert not np.array_equal(first.views[0].picture, second.views[0].picture)
    assert all(view.steps for view in first.views)
    assert first.plot(mode="concat").shape[2] == 3
