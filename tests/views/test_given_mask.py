from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from selfscope.errors import DataError
from selfscope.views.given_mask import fit_mask, read_mask

MASK = np.random.default_rng(0).integers(0, 2, (4, 4), dtype=np.uint8)


@pytest.mark.parametrize("given", [MASK, MASK.reshape(-1), MASK[None], MASK.reshape(1, -1), MASK.astype(float)])
def test_the_models_own_grid_in_any_form(given: np.ndarray) -> None:
    np.testing.assert_array_equal(fit_mask(given, (4, 4)), MASK)


def test_a_grid_that_divides_is_repeated() -> None:
    fitted = fit_mask(MASK, (12, 12))
    np.testing.assert_array_equal(fitted[::3, ::3], MASK)
    assert fitted.sum() == 9 * MASK.sum()
    np.testing.assert_array_equal(fit_mask(MASK.reshape(-1), (12, 12)), fitted)


def test_a_grid_that_is_not_square() -> None:
    given = np.arange(8).reshape(2, 4) % 2
    np.testing.assert_array_equal(fit_mask(given.reshape(-1), (4, 8)), given.repeat(2, 0).repeat(2, 1))


@pytest.mark.parametrize("shape", [(5, 5), (15,), (2, 3, 4), (0, 4)])
def test_other_grids_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"expected .*\(4, 4\)"):
        fit_mask(np.zeros(shape), (4, 4))


def test_other_values_are_refused() -> None:
    with pytest.raises(DataError, match=r"0 \(kept\) and 1 \(removed\) only"):
        fit_mask(np.full((4, 4), 0.5), (4, 4))


def test_files(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", MASK)
    np.savez(tmp_path / "b.npz", other=0, mask=MASK)
    np.savez(tmp_path / "c.npz", MASK)
    np.savetxt(tmp_path / "d.txt", MASK)
    for name in ("a.npy", "b.npz", "c.npz", "d.txt"):
        np.testing.assert_array_equal(fit_mask(read_mask(tmp_path / name), (4, 4)), MASK)


def test_bad_files(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_text("not numpy")
    np.savez(tmp_path / "b.npz", one=MASK, two=MASK)
    (tmp_path / "c.txt").write_text("zero one")
    np.save(tmp_path / "d.npy", np.array([object()]), allow_pickle=True)
    (tmp_path / "e.npz").write_bytes((tmp_path / "b.npz").read_bytes()[:-30])
    for name, words in {
        "a.npy": "cannot be read",
        "e.npz": "cannot be read",
        "b.npz": "one, two",
        "c.txt": "cannot be read",
        "no.npy": "no such",
    }.items():
        with pytest.raises(DataError, match=words):
            read_mask(tmp_path / name)
    with pytest.raises(DataError, match="cannot be read"):
        read_mask(tmp_path / "d.npy")
