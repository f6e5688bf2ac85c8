from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pytest
import torch

from selfscope.errors import RecordError
from selfscope.plain_numbers import plain_numbers, whole_step
from selfscope.records import Picture, Scalars, Text


@pytest.mark.parametrize("wrap", [dict, MappingProxyType])
def test_numbers_are_copied_and_become_pythons_own(wrap):
    given = {"a": 0.5, 3: 2, "b": torch.tensor([[1.5]]), "c": np.float32(0.25), "d": True}
    assert plain_numbers(wrap(given)) == {"a": 0.5, "3": 2, "b": 1.5, "c": 0.25, "d": 1.0}
    floats = {"a": 0.5}
    copied = plain_numbers(floats)
    floats["a"] = 1.0
    assert copied == {"a": 0.5}


@pytest.mark.parametrize("values", [[("a", 1.0)], 3.0, None])
def test_only_a_mapping_holds_scalars(values):
    with pytest.raises(RecordError, match="scalars: expected a mapping of tags to numbers, got"):
        plain_numbers(values)


def test_reserved_tags_are_named():
    with pytest.raises(RecordError, match="scalar tag 'step' is reserved"):
        plain_numbers({"a": 1.0, "step": 1.0})


@pytest.mark.parametrize("step", [7, np.int64(7), np.array(7), torch.tensor(7), torch.tensor([7])])
def test_steps_are_whole_numbers_of_any_library(step):
    assert whole_step(step, "k") == 7
    assert type(whole_step(step, "k")) is int
    assert type(Text("k", "words", step).step) is int


@pytest.mark.parametrize("step", [None, 1.5, 1.0, "3", torch.tensor(1.5), torch.tensor([1, 2]), 2**63, np.array([])])
def test_what_is_no_step_is_refused_and_named(step):
    with pytest.raises(RecordError, match="k: expected a step that is a whole number of 64 bits, got"):
        whole_step(step, "k")
    with pytest.raises(RecordError, match="scalars: expected a step"):
        Scalars({"a": 1.0}, step)
    with pytest.raises(RecordError, match="p: expected a step"):
        Picture("p", np.zeros((2, 2, 3), np.uint8), step)


def test_scalars_of_plain_numbers_are_the_same_record():
    checked, plain = Scalars({"a": 0.5}, 3, "log.json", wall_time=1.0), Scalars.of_plain({"a": 0.5}, 3, "log.json", 1.0)
    assert vars(checked) == vars(plain)
    with pytest.raises(TypeError):
        plain.values["a"] = 1.0  # type: ignore[index]


@pytest.mark.parametrize("number", [10**400, -(10**5000)], ids=["400 digits", "5000 digits"])
def test_a_number_beyond_every_float_is_refused_and_named(number):
    with pytest.raises(RecordError, match=r"scalar 'a': expected one number, got int -?0x"):
        plain_numbers({"a": number})
    with pytest.raises(RecordError, match="k: expected a step that is a whole number of 64 bits"):
        whole_step(number, "k")
