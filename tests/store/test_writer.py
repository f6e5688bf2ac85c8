from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from selfscope.errors import RecordError, RunError
from selfscope.records import Config, Embedding, Figure, Graph, Histogram, Picture, Record, Scalars, Table, Text
from selfscope.store import claim
from selfscope.store.reader import open_run
from selfscope.store.writer import Writer


def noise(height: int = 9, width: int = 7, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_scalars_are_lines_of_json_in_order(tmp_path):
    with Writer(tmp_path) as writer:
        writer.write(Scalars({"loss": 0.5, "lr/head ü": 2}, step=1, wall_time=10.0))
        writer.write(Scalars({"loss": float("nan")}, step=2, wall_time=11.0))
    lines = (tmp_path / "vis_data" / "scalars.json").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"step": 1, "_t": 10.0, "loss": 0.5, "lr/head ü": 2},
        {"step": 2, "_t": 11.0, "loss": "NaN"},
    ]


def test_reserved_tags_are_refused():
    for tag in ("step", "_t"):
        with pytest.raises(RecordError, match=f"scalar tag '{tag}' is reserved"):
            Scalars({tag: 1.0})


def test_a_second_file_gets_the_line_too(tmp_path):
    with Writer(tmp_path) as writer:
        writer.write(Scalars({"a": 1.0}, 1, "logs/run.json"))
        writer.write(Scalars({"a": 2.0}, 2))
        for name in ("scalars.json", "x.txt"):
            with pytest.raises(RecordError, match=r"file_path: expected a \.json name other than scalars\.json"):
                writer.write(Scalars({"a": 3.0}, 3, name))
    assert [json.loads(x)["a"] for x in (tmp_path / "vis_data/logs/run.json").read_text().splitlines()] == [1.0]


def test_pictures_come_back_equal_and_never_overwrite(tmp_path):
    pictures = [noise(seed=i) for i in range(3)]
    with Writer(tmp_path) as writer:
        for picture in pictures:
            writer.write(Picture("val/recon", picture, 3, "a caption"))
    names = sorted(p.name for p in (tmp_path / "vis_data/vis_image/val").iterdir())
    assert names == ["recon_3-1.png", "recon_3-2.png", "recon_3.png"]
    entries = open_run(tmp_path).pictures
    for entry, picture in zip(entries, pictures, strict=True):
        record = entry.load()
        assert (record.key, record.step, record.caption) == ("val/recon", 3, "a caption")
        np.testing.assert_array_equal(record.pixels, picture)
    assert entries[0].details == {"size": entries[0].path.stat().st_size, "width": 7, "height": 9}


def test_pictures_of_an_earlier_session_are_not_overwritten(tmp_path):
    for i in range(2):
        with Writer(tmp_path) as writer:
            writer.write(Picture("a", noise(seed=i), 0))
    assert [entry.path.name for entry in open_run(tmp_path).pictures] == ["a_0.png", "a_0-1.png"]


def test_names_cannot_leave_the_run(tmp_path):
    with Writer(tmp_path / "run") as writer:
        for key in ("../../out", "/abs/olute", "nul", "a\0b", "x" * 400):
            writer.write(Picture(key, noise()))
            writer.write(Text(key, "text"))
            writer.write(Embedding(key, np.zeros((1, 2), np.float32)))
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    run = open_run(tmp_path / "run")
    assert [entry.key for entry in run.pictures] == ["../../out", "/abs/olute", "nul", "a\0b", "x" * 400]
    assert len(run.embeddings) == 5


def test_histograms_tables_texts_and_graphs_come_back(tmp_path):
    table = {"a": [1, None, 3], "b": ["x", 2, {"k": [1, float("nan")]}], "c": np.array([1.5, 2.5, np.nan])}
    with Writer(tmp_path) as writer:
        writer.write(Histogram("h", np.array([1, 0, 4]), np.array([0.0, 0.5, 1.0, 1.5]), 2))
        writer.write(Table("t", table, 2, "numbers"))
        writer.write(Table("empty", {"a": []}))
        writer.write(Text("note", "# hé\r\nlines\n", 2))
        writer.write(Graph(model=None, text="Linear(2, 3)"))
    run = open_run(tmp_path)
    histogram = run.histograms[0].load()
    np.testing.assert_array_equal(histogram.counts, [1, 0, 4])
    np.testing.assert_array_equal(histogram.edges, [0.0, 0.5, 1.0, 1.5])
    columns = run.tables[0].load().columns
    assert columns["a"] == [1, None, 3]
    assert columns["b"] == ["x", "2", '{"k":[1,"NaN"]}']
    np.testing.assert_array_equal(columns["c"], table["c"])
    assert list(run.tables[1].load().columns["a"]) == []
    assert run.texts[0].load().text == "# hé\r\nlines\n"
    assert run.media("graph")[0].load().text == "Linear(2, 3)"


def test_matplotlib_figures_become_png_and_svg(tmp_path):
    figures = pytest.importorskip("matplotlib.figure")
    figure = figures.Figure(figsize=(2, 1), dpi=50)
    figure.add_subplot().plot([1, 2])
    with Writer(tmp_path) as writer:
        writer.write(Figure("curve", figure, 4))
        with pytest.raises(RecordError, match="expected a matplotlib or Plotly figure, got list"):
            writer.write(Figure("curve", [1, 2], 4))
    entry = open_run(tmp_path).figures[0]
    assert sorted(p.name for p in entry.path.parent.iterdir()) == ["curve_4.png", "curve_4.svg"]
    assert entry.load().figure.picture().shape == (50, 100, 3)


def test_plotly_figures_become_html(tmp_path):
    class PlotlyLike:
        def to_html(self, include_plotlyjs):
            return "<html>plot</html>"

        def to_image(self, format):
            raise ValueError("Image export using the kaleido engine requires the kaleido package")

    with Writer(tmp_path) as writer:
        writer.write(Figure("plot", PlotlyLike()))
    figure = open_run(tmp_path).figures[0].load().figure
    assert figure.files == {".html": b"<html>plot</html>"}
    assert figure.picture() is None


def test_configs_are_kept_once_each(tmp_path):
    first, second = Config({"a": 1}, "a = 1\n"), Config({"a": 2}, "a = 2\n")
    for record in (first, first, second, second):
        with Writer(tmp_path, config=record):
            pass
    assert (tmp_path / "vis_data/config.py").read_text() == "a = 1\n"
    assert (tmp_path / "vis_data/config-1.py").read_text() == "a = 2\n"
    assert len(open_run(tmp_path).media("config")) == 2
    assert open_run(tmp_path).info["config_hash"] == hashlib.sha256(b"a = 2\n").hexdigest()


def test_unknown_kinds_are_refused(tmp_path):
    class Odd(Record):
        kind = "pictures"

    with (
        Writer(tmp_path) as writer,
        pytest.raises(RecordError, match=r"no place for .* 'pictures'.*mean 'picture'"),
    ):
        writer.write(Odd())


def test_run_json_says_how_it_went(tmp_path):
    with Writer(tmp_path / "good", name="mine", seed=7):
        assert open_run(tmp_path / "good").status == "running"
    info = open_run(tmp_path / "good").info
    assert (info["name"], info["seed"], info["status"]) == ("mine", 7, "finished")
    assert {"python", "numpy", "selfscope"} <= set(info["versions"])
    with pytest.raises(ZeroDivisionError), Writer(tmp_path / "bad"):
        _ = 1 / 0
    with pytest.raises(KeyboardInterrupt), Writer(tmp_path / "stopped"):
        raise KeyboardInterrupt
    assert [open_run(tmp_path / n).status for n in ("bad", "stopped")] == ["failed", "interrupted"]


def test_versions_do_not_import_torch():
    code = (
        "import sys, tempfile; from selfscope.store.writer import Writer\n"
        "with Writer(tempfile.mkdtemp()) as w: pass\n"
        "assert 'torch' not in sys.modules and 'pyarrow' not in sys.modules, 'imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_resuming_continues_the_files_and_keeps_name_start_and_seed(tmp_path):
    with Writer(tmp_path, name="mine", seed=3) as writer:
        writer.write(Scalars({"a": 1.0}, 1))
    started = open_run(tmp_path).info["started"]
    with Writer(tmp_path) as writer:
        writer.write(Scalars({"a": 2.0}, 2))
    run = open_run(tmp_path)
    np.testing.assert_array_equal(run.scalars("a").value, [1.0, 2.0])
    assert (run.name, run.info["seed"], run.info["started"], len(run.info["resumed"])) == ("mine", 3, started, 1)


def test_two_writers_in_one_process_are_refused(tmp_path):
    with Writer(tmp_path), pytest.raises(RunError, match="is being written by this process already"):
        Writer(tmp_path)
    with Writer(tmp_path):
        pass


def test_two_processes_are_refused_and_a_killed_one_is_replaced(tmp_path):
    code = (
        "import sys, time; from selfscope.store.writer import Writer\n"
        f"w = Writer({str(tmp_path)!r}); print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        with pytest.raises(RunError, match=f"is being written by process {other.pid} on .*: wait for it to end"):
            Writer(tmp_path)
        assert open_run(tmp_path).status == "running"
        other.kill()
        other.wait()
    assert open_run(tmp_path).status == "interrupted"
    with Writer(tmp_path):
        assert open_run(tmp_path).status == "running"


def test_a_writer_on_another_machine_counts_while_its_heart_beats(tmp_path, monkeypatch):
    owner = {"host": "elsewhere", "pid": 1, "token": "x", "since": 0.0}
    claim.write_json(tmp_path / "run.lock", owner)
    claim.write_json(tmp_path / "run.json", {"heartbeat": time.time() - 30, "status": "running"})
    assert open_run(tmp_path).status == "running"
    with pytest.raises(RunError, match="process 1 on elsewhere"):
        Writer(tmp_path)
    claim.write_json(tmp_path / "run.json", {"heartbeat": time.time() - 61, "status": "running"})
    assert open_run(tmp_path).status == "interrupted"
    Writer(tmp_path).close()


def test_a_clock_set_back_leaves_the_writer_alive(tmp_path):
    with Writer(tmp_path):
        info = claim.read_json(tmp_path / "run.json")
        claim.write_json(tmp_path / "run.json", info | {"heartbeat": time.time() + 7200})
        assert open_run(tmp_path).status == "running"


@pytest.mark.slow
def test_a_run_that_was_taken_over_is_no_longer_written(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("selfscope.store.writer.HEARTBEAT_EVERY", 0.0)
    writer = Writer(tmp_path)
    claim.write_json(tmp_path / "run.lock", {"host": "elsewhere", "pid": 1, "token": "other", "since": time.time()})
    deadline = time.monotonic() + 5
    while "took this run over" not in caplog.text and time.monotonic() < deadline:
        time.sleep(0.05)
    with pytest.raises(RunError, match="this writer is closed"):
        writer.write(Scalars({"a": 1.0}))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder_is_one_sentence(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(RunError, match=r"cannot be (made|written): Permission denied"):
            Writer(tmp_path / "run")
        with pytest.raises(RunError, match="cannot be written: Permission denied"):
            Writer(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_a_file_in_the_way_is_one_sentence(tmp_path):
    (tmp_path / "run").touch()
    with pytest.raises(RunError, match="cannot be made: File exists"):
        Writer(tmp_path / "run")


@pytest.mark.slow
def test_lines_that_the_disk_refuses_are_written_later(tmp_path, monkeypatch, caplog):
    writer = Writer(tmp_path)
    real = os.write

    def full(descriptor, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("selfscope.store.lines.os.write", full)
    writer.write(Scalars({"a": 1.0}, 1))
    with pytest.raises(RunError, match=r"scalars\.json: cannot be written: No space left on device"):
        writer.flush()
    time.sleep(1.2)
    assert caplog.text.count("lines wait in memory") == 1
    monkeypatch.setattr("selfscope.store.lines.os.write", real)
    writer.close()
    np.testing.assert_array_equal(open_run(tmp_path).scalars("a").value, [1.0])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_is_refused_and_leaves_no_trace(tmp_path):
    writer = Writer(tmp_path)
    writer.write(Scalars({"a": 1.0}, 1))
    code = fork_and_write(writer)
    assert code == 0
    writer.close()
    np.testing.assert_array_equal(open_run(tmp_path).scalars("a").value, [1.0])
    assert open_run(tmp_path).status == "finished"


def fork_and_write(writer: Writer) -> int:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads is the very thing under test
        child = os.fork()
    if child == 0:
        refused = 1
        try:
            writer.write(Scalars({"a": 2.0}, 2))
        except RunError as error:
            refused = 0 if "forked process cannot write" in str(error) else 2
        writer.close("failed")
        os._exit(refused)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.slow
def test_without_close_the_end_of_the_program_closes(tmp_path):
    code = "from selfscope.store.writer import Writer; from selfscope.records import Scalars\n"
    body = "w = Writer({}); w.write(Scalars({{'a': 1.0}}))\n"
    for name, tail in (("ends", ""), ("fails", "raise SystemError('x')"), ("exits", "raise SystemExit(0)")):
        program = code + body.format(repr(str(tmp_path / name))) + tail
        subprocess.run([sys.executable, "-c", program], check=False, stderr=subprocess.DEVNULL)
        assert len(open_run(tmp_path / name).scalars("a")) == 1
    assert [open_run(tmp_path / n).status for n in ("ends", "fails", "exits")] == ["finished", "failed", "finished"]


KILLED = """
import sys, time
import numpy as np
from selfscope.records import Picture, Scalars
from selfscope.store.writer import Writer
writer = Writer(sys.argv[1])
picture = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
print("ready", flush=True)
for step in range(10**9):
    writer.write(Scalars({"loss": step}, step, wall_time=time.time()))
    if step % 50 == 0:
        writer.write(Picture("p", picture, step, wall_time=time.time()))
    time.sleep(0.0005)
"""


def kill_and_read(folder: Path, seconds: float) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, str(folder)], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.readline()
        time.sleep(seconds)
        killed_at = time.time()
        program.kill()
    run = open_run(folder)
    loss = run.scalars("loss")
    np.testing.assert_array_equal(loss.step, np.arange(len(loss)))
    assert killed_at - loss.wall_time[-1] < 1.0
    stored = run.pictures
    assert killed_at - stored[-1].wall_time < 1.0
    assert [entry.step for entry in stored] == list(range(0, 50 * len(stored), 50))
    for entry in stored:
        assert entry.load().pixels.shape == (120, 160, 3)
    assert run.status == "interrupted"


@pytest.mark.slow
def test_kill_loses_at_most_the_last_second(tmp_path):
    kill_and_read(tmp_path, 1.3)


@pytest.mark.slow
def test_kill_at_twenty_random_moments_loses_at_most_the_last_second(tmp_path):
    for i, seconds in enumerate(np.random.default_rng(0).uniform(1.0, 2.5, 20)):
        kill_and_read(tmp_path / str(i), seconds)
