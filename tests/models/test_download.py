"""Links: fetched once from a server on this machine, resumed, checked, and never trusted."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from selfscope.errors import CheckpointError
from selfscope.models.checkpoint import read_checkpoint
from selfscope.models.download import BLOCK, download


def weights(size: int = 3 * BLOCK // 4) -> bytes:
    """A checkpoint of a few blocks."""
    buffer = io.BytesIO()
    torch.save({"state_dict": {"w": torch.arange(size, dtype=torch.float32)}}, buffer)
    return buffer.getvalue()


@dataclass
class Served:
    """What a server gives, how it fails, and what it was asked."""

    content: bytes = field(default_factory=weights)
    tag: str | None = '"one"'
    ranges: bool = True
    breaks_after: int | None = None
    """Closes the connection after so many bytes, once."""
    length: bool = True
    asked: list[str | None] = field(default_factory=list)
    """The Range header of every request."""
    url: str = ""

    @property
    def digits(self) -> str:
        return hashlib.sha256(self.content).hexdigest()[:8]


class Handler(BaseHTTPRequestHandler):
    served: Served

    def do_GET(self) -> None:
        served = self.served
        given = self.headers.get("Range")
        served.asked.append(given)
        if self.path.startswith("/missing"):
            self.send_error(404)
            return
        fresh = self.headers.get("If-Range") in (None, served.tag)
        start = int(given.removeprefix("bytes=").removesuffix("-")) if given and served.ranges and fresh else 0
        if start >= len(served.content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(served.content) - 1}/{len(served.content)}")
        if served.tag:
            self.send_header("ETag", served.tag)
        if served.length:
            self.send_header("Content-Length", str(len(served.content) - start))
        self.end_headers()
        stop = len(served.content) if served.breaks_after is None else start + served.breaks_after
        served.breaks_after = None
        self.wfile.write(served.content[start:stop])

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("SELFSCOPE_CACHE", str(tmp_path / "cache"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    state = Served()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"served": state}))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def test_fetched_once_checked_and_told_how_far(served: Served) -> None:
    told: list[tuple[int, int | None]] = []
    url = f"{served.url}/mae-{served.digits}.pth"
    found = read_checkpoint(url, progress=lambda done, total: told.append((done, total)))
    assert torch.equal(found.state["w"][:3], torch.tensor([0.0, 1.0, 2.0]))
    assert found.source == url
    total = len(served.content)
    assert told[0] == (0, total)
    assert told[-1] == (total, total)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    read_checkpoint(url)
    assert served.asked == [None]


def test_a_broken_transfer_is_resumed(served: Served) -> None:
    served.breaks_after = BLOCK + 1000
    url = f"{served.url}/mae-{served.digits}.pth"
    with pytest.raises(CheckpointError, match="run again to carry on"):
        download(url)
    assert download(url).read_bytes() == served.content
    assert served.asked == [None, f"bytes={BLOCK + 1000}-"]


@pytest.mark.parametrize("change", ["another file", "no ranges", "no tag"])
def test_a_resumed_transfer_never_mixes_two_files(served: Served, change: str) -> None:
    served.breaks_after = 1000
    url = f"{served.url}/model.pth"
    if change == "no tag":
        served.tag = None
    with pytest.raises(CheckpointError):
        download(url)
    if change == "another file":
        served.content, served.tag = served.content[::-1], '"two"'
    elif change == "no ranges":
        served.ranges = False
    else:
        served.content = served.content[::-1]
    assert download(url).read_bytes() == served.content


def test_a_transfer_that_was_complete_but_not_yet_named(served: Served) -> None:
    url = f"{served.url}/model.pth"
    path = download(url)
    path.rename(path.with_name(path.name + ".part"))
    assert download(url).read_bytes() == served.content


def test_a_wrong_hash_is_refused_and_thrown_away(served: Served) -> None:
    url = f"{served.url}/mae-00000000.pth"
    with pytest.raises(CheckpointError, match=f"begins with 00000000, but it begins with {served.digits}"):
        download(url)
    assert not list(Path(served_cache()).rglob("*.pth*"))


def served_cache() -> str:
    from selfscope.store.cache import cache_folder

    return str(cache_folder())


def test_links_with_the_same_file_name_do_not_meet(served: Served) -> None:
    first = download(f"{served.url}/a/model.pth")
    served.content = served.content[::-1]
    second = download(f"{served.url}/b/model.pth?version=2")
    assert first != second
    assert first.read_bytes() == second.read_bytes()[::-1]
    assert second.name == "model.pth"


def test_no_length_no_tag(served: Served) -> None:
    served.length, served.tag = False, None
    told: list[tuple[int, int | None]] = []
    path = download(f"{served.url}/model.pth", progress=lambda done, total: told.append((done, total)))
    assert path.read_bytes() == served.content
    assert told[-1] == (len(served.content), None)


def test_failures_are_one_sentence(served: Served) -> None:
    with pytest.raises(CheckpointError, match="download failed \\(Not Found\\)"):
        download(f"{served.url}/missing.pth")
    with pytest.raises(CheckpointError, match="download failed"):
        download("http://127.0.0.1:9/model.pth")
    served.content = b"<!doctype html><title>Sign in</title>"
    with pytest.raises(CheckpointError, match="is a web page"):
        read_checkpoint(f"{served.url}/page.pth")


def test_a_cache_that_cannot_be_written(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SELFSCOPE_CACHE", str(tmp_path / "file"))
    with pytest.raises(CheckpointError, match="cannot write the download"):
        download(f"{served.url}/model.pth")


def test_two_at_once_fetch_once(served: Served) -> None:
    url, paths = f"{served.url}/model.pth", []
    threads = [threading.Thread(target=lambda: paths.append(download(url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {path.read_bytes() for path in paths} == {served.content}
    assert served.asked == [None]
