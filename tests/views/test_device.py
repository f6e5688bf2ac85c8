from __future__ import annotations

import pytest
import torch

from selfscope.errors import UsageError
from selfscope.views.device import CPU_BATCH, FEWEST, MOST, SHARE, automatic_batch, batch_that_fits, pick_device

GIGABYTE = 1e9


@pytest.mark.parametrize(("each", "free"), [(1e8, 8 * GIGABYTE), (2.5e7, 24 * GIGABYTE), (3e8, 40 * GIGABYTE)])
def test_the_batch_is_the_largest_power_of_two_that_fits(each: float, free: float) -> None:
    fitting = [n for n in (8, 16, 32, 64, 128, 256, 512) if n * each <= SHARE * free]
    assert batch_that_fits(each, free) == fitting[-1]


@pytest.mark.parametrize(("each", "free", "wanted"), [(1e12, 1.0, FEWEST), (0.0, 1e12, MOST), (-5.0, 1e12, MOST)])
def test_the_batch_has_bounds(each: float, free: float, wanted: int) -> None:
    assert batch_that_fits(each, free) == wanted


def test_nothing_is_tried_on_a_cpu() -> None:
    assert automatic_batch(torch.device("cpu"), lambda count: pytest.fail("tried")) == CPU_BATCH


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "cpu:x"])
def test_devices_that_are_not_there(name: str) -> None:
    with pytest.raises(UsageError, match=r"^device: (expected cpu|'cuda:99' is not on this machine)"):
        pick_device(name)
