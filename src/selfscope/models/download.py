"""Fetches a checkpoint that the user named by its link: once, resumed where it broke off, and checked."""

from __future__ import annotations

import hashlib
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from selfscope.errors import CheckpointError
from selfscope.store.cache import cache_folder

BLOCK = 1 << 20
TIMEOUT = 30.0
Progress = Callable[[int, "int | None"], None]
"""Called with the bytes so far, and of how many when that is known."""
HASH_IN_NAME = re.compile(r"-([0-9a-f]{8})\.\w+$")


def is_link(source: str) -> bool:
    """Whether a source is an http(s) link; other schemes (`s3://`, `file://`) are refused with a sentence."""
    scheme, mark, _ = source.partition("://")
    if mark and scheme.lower() not in ("http", "https"):
        raise CheckpointError(f"{source}: expected a path or an http(s) link, got {scheme}://")
    return bool(mark)


def cached_file(url: str) -> Path:
    """Where the file of a link is kept once it is fetched."""
    name = Path(urllib.parse.unquote(urllib.parse.urlsplit(url).path)).name or "checkpoint"
    return cache_folder() / "checkpoints" / hashlib.sha256(url.encode()).hexdigest()[:12] / name


def download(url: str, *, progress: Progress | None = None) -> Path:
    """The cached file of a link, fetched if it is not there; `progress(bytes so far, total or None)`.

    The 8 hex digits that OpenMMLab names end with must begin the file's SHA-256. A broken transfer leaves a `.part`
    that the next call carries on from; a finished file appears under its name only after the check.
    """
    target = cached_file(url)
    folder, name, part = target.parent, target.name, target.with_name(f"{target.name}.part")
    if target.exists():
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / "lock"):
            if not target.exists():
                _fetch(url, part, progress or (lambda done, total: None))
                _check(url, name, part)
                part.replace(target)
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise CheckpointError(f"{url}: download failed ({reason}); run again to carry on") from error
    except OSError as error:
        raise CheckpointError(f"{folder}: cannot write the download: {error.strerror or error}") from error
    return target


def _fetch(url: str, part: Path, progress: Progress) -> None:
    validator = part.with_suffix(".tag")
    # Without a tag or a hash nothing would tell that the file behind the link has changed: begin again.
    resumable = part.exists() and (validator.exists() or HASH_IN_NAME.search(part.stem))
    have = part.stat().st_size if resumable else 0
    request = urllib.request.Request(url, headers={"User-Agent": "selfscope"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        if validator.exists():
            request.add_header("If-Range", validator.read_text(encoding="utf-8"))
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not have:
            raise
        part.unlink()
        _fetch(url, part, progress)
        return
    with response:
        _receive(url, response, part, have, progress)
    validator.unlink(missing_ok=True)


def _receive(url: str, response: HTTPResponse, part: Path, have: int, progress: Progress) -> None:
    resumed = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
    done = have if resumed else 0
    length = response.headers.get("Content-Length")
    total = done + int(length) if length and length.isdigit() else None
    tag = response.headers.get("ETag") or response.headers.get("Last-Modified")
    if tag and not tag.startswith("W/"):
        part.with_suffix(".tag").write_text(tag, encoding="utf-8")
    with part.open("ab" if resumed else "wb") as file:
        progress(done, total)
        while block := response.read(BLOCK):
            file.write(block)
            done += len(block)
            progress(done, total)
    if total is not None and done != total:
        raise CheckpointError(f"{url}: the connection closed at {done:,} of {total:,} bytes; run again to carry on")


def _check(url: str, name: str, part: Path) -> None:
    wanted = HASH_IN_NAME.search(name)
    if not wanted:
        return
    digest = hashlib.sha256()
    with part.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    if not digest.hexdigest().startswith(wanted[1]):
        part.unlink()
        raise CheckpointError(
            f"{url}: the name says that its SHA-256 begins with {wanted[1]}, but it begins with "
            f"{digest.hexdigest()[:8]}; the file was thrown away, try again or ask its maker"
        )


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One download of a link at a time on this machine, where the system has file locks."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
