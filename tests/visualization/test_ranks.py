from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from selfscope.visualization import ranks
from selfscope.visualization.ranks import master_only, rank
from selfscope.visualization.visualizer import Visualizer
from tests.visualization.fakes import Direct, Remembering


@pytest.fixture
def fresh(monkeypatch):
    ranks.environment_rank.cache_clear()
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.delitem(sys.modules, "torch.distributed", raising=False)
    yield monkeypatch
    ranks.environment_rank.cache_clear()


def test_alone_is_rank_zero(fresh):
    assert rank() == 0


@pytest.mark.parametrize(("value", "expected"), [("3", 3), ("", 0), ("0", 0)])
def test_the_launchers_rank_counts(fresh, value, expected):
    fresh.setenv("RANK", value)
    assert rank() == expected


def test_torchs_rank_counts_more_once_it_is_set_up(fresh):
    fresh.setenv("RANK", "3")
    distributed = SimpleNamespace(is_initialized=lambda: False, get_rank=lambda: 5)
    fresh.setitem(sys.modules, "torch.distributed", distributed)
    assert rank() == 3
    distributed.is_initialized = lambda: True
    assert rank() == 5
    fresh.setitem(sys.modules, "torch.distributed", SimpleNamespace())  # torch built without it
    assert rank() == 3


def test_master_only_runs_on_rank_zero(fresh):
    @master_only
    def answer(value, *, times=1):
        """Says so."""
        return value * times

    assert answer(3, times=2) == 6
    assert answer.__doc__ == "Says so."
    fresh.setattr(ranks, "rank", lambda: 1)
    assert answer(3) is None


@pytest.mark.parametrize("backend", [Remembering, Direct])
def test_a_visualizer_made_before_the_process_joins_others_writes_on_rank_zero_only(fresh, backend):
    kept, dropped = backend(), backend()
    distributed = SimpleNamespace(is_initialized=lambda: False, get_rank=lambda: 1)
    fresh.setitem(sys.modules, "torch.distributed", distributed)
    first, second = Visualizer(vis_backends=kept), Visualizer(vis_backends=dropped)
    first.add_scalars({"a": 1.0}, 1)
    first.close()
    distributed.is_initialized = lambda: True
    second.add_scalars({"a": 1.0}, 1)
    second.add_text("note", "words")
    second.close()
    assert (kept.steps, dropped.steps) == ([1], [])
