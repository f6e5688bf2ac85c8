from __future__ import annotations

import threading
from pathlib import Path

import pytest

from selfscope.errors import RunError
from selfscope.store.whole import whole


def interrupted(path: Path, error: BaseException) -> None:
    with whole(path) as place:
        place.write_text("half")
        raise error


def test_a_block_that_raises_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.json"
    with whole(path) as place:
        place.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        interrupted(path, KeyboardInterrupt())
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_what_the_system_refuses_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"a\.json: cannot be written: (Not a directory|File exists)"):
        interrupted(tmp_path / "file" / "a.json", ZeroDivisionError())
    with pytest.raises(RunError, match="b: cannot be written: No space left on device"):
        interrupted(tmp_path / "b", OSError(28, "No space left on device"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_threads_that_write_one_path_do_not_take_each_others_files(tmp_path: Path) -> None:
    path, at_once, failed = tmp_path / "a", threading.Barrier(8), []

    def write(number: int) -> None:
        try:
            for _ in range(20):
                at_once.wait()
                with whole(path) as place:
                    place.write_text(str(number) * 1000)
                    at_once.wait()
        except Exception as error:  # noqa: BLE001 - a thread's error is the test's
            failed.append(error)
            at_once.abort()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(set(path.read_text())) == 1
    assert list(tmp_path.iterdir()) == [path]
