from __future__ import annotations

from selfscope.records import Scalars, Text
from selfscope.visualization.log import Cursor, Logged, SharedLog, size_of, size_of_scalars


def filled(count: int) -> SharedLog:
    log = SharedLog()
    log.cursors += [Cursor(), Cursor()]
    for step in range(count):
        numbers = {"loss": 0.5 * step}
        log.append((numbers, step, None, 1.0), size_of_scalars(numbers))
    return log


def test_a_line_becomes_one_record_for_all_backends():
    log = filled(3)
    first, second = ([logged.record for logged in log.take(cursor, 10)[0]] for cursor in log.cursors)
    assert all(a is b for a, b in zip(first, second, strict=True))
    assert [vars(record) for record in first] == [
        vars(Scalars({"loss": 0.5 * step}, step, wall_time=1.0)) for step in range(3)
    ]


def test_lines_and_records_keep_their_order_and_their_bytes():
    log = filled(2)
    text = Text("n", "words", 2)
    log.append(Logged(text, size_of(text)), size_of(text))
    assert log.bytes == 2 * size_of(Scalars({"loss": 0.0})) + size_of(text)
    for cursor in log.cursors:
        assert [logged.record.kind for logged in log.take(cursor, 2)[0]] == ["scalars", "scalars"]
        assert [logged.record for logged in log.take(cursor, 2)[0]] == [text]
    assert (log.bytes, log.first, log.end) == (0, 3, 3)


def test_a_line_that_nobody_took_is_counted_as_lost():
    log = filled(5)
    log._limit = log.bytes
    late = log.cursors[0]
    late.progress -= 10
    log.cursors[1].progress -= 10
    log.append(({"loss": 1.0}, 5, None, 1.0), size_of_scalars({"loss": 1.0}))
    assert (late.lost, late.next, log.first) == (1, 1, 1)
    assert [logged.record.step for logged in log.take(late, 10)[0]] == [1, 2, 3, 4, 5]
