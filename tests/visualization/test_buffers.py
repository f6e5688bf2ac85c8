from __future__ import annotations

import numpy as np
import pytest

from tests.visualization.fakes import Remembering, build


def test_records_are_copies_of_what_the_caller_goes_on_changing():
    fake = Remembering()
    image, coords, values = np.zeros((300, 400, 3), np.uint8), np.zeros((4, 2), np.float32), {"a": 1.0}
    columns = {"x": [1, 2]}
    with build(fake) as vis:
        vis.add_image("p", image)
        vis.add_scalars(values)
        vis.add_embedding("e", coords, labels=(labels := np.zeros(4, np.int64)))
        vis.add_table("t", columns)
        image[:], coords[:], labels[:], values["a"] = 9, 9, 9, 9.0
        columns["x"].append(3)
    picture, scalars, embedding, table = fake.records
    assert picture.pixels.max() == 0
    assert scalars.values == {"a": 1.0}
    assert embedding.coords.max() == embedding.labels.max() == 0
    assert table.columns == {"x": [1, 2]}


def test_pictures_that_a_backend_keeps_are_never_written_over():
    fake = Remembering()
    with build(fake) as vis:
        for step in range(200):
            vis.add_image("p", np.full((64, 64, 3), step, np.uint8), step)
            if step % 10 == 0:
                vis.flush()
    assert [int(record.pixels[5, 5, 0]) for record in fake.records] == list(range(200))
    assert [int(record.pixels.min()) for record in fake.records] == list(range(200))


def test_memory_of_pictures_is_used_again():
    from selfscope.visualization.buffers import Buffers

    buffers = Buffers()
    first = buffers.copy(np.ones((40, 50, 3), np.uint8))
    address, part = first.__array_interface__["data"][0], first[::2, 3:]
    del first
    second = buffers.copy(np.full((40, 50, 3), 2, np.uint8))
    assert part.max() == 1
    assert second.__array_interface__["data"][0] != address
    del part
    turned = np.arange(40 * 50 * 3, dtype=np.uint8).reshape(40, 50, 3)[::-1].transpose(1, 0, 2)
    third = buffers.copy(turned)
    assert third.__array_interface__["data"][0] == address
    np.testing.assert_array_equal(third, turned)
    with pytest.raises(ValueError, match="read-only"):
        third[0] = 1
