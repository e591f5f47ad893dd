"""One file over HTTP: resumed where the last try ended, and trusted only by its hash."""

from __future__ import annotations

import hashlib
import http.client
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

from codec.base import WeightsError

Progress = Callable[[str, int, int], None]
"""Called with the file's title, the bytes held so far, and the bytes in all."""

CHUNK_BYTES = 1 << 18
TIMEOUT_S = 30.0


def download(
    url: str,
    part: Path,
    *,
    size_bytes: int,
    sha256: str,
    title: str,
    proxy: str | None = None,
    progress: Progress | None = None,
) -> None:
    """Fill `part` from `url` until it holds the file of `sha256`; what `part` already holds is asked for no more.

    A cut leaves `part` for the next call to resume (HTTP Range, RFC 9110 section 14); a wrong hash removes it.
    `proxy` replaces the proxies of the environment. Raises WeightsError.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise WeightsError(f"cannot fetch {url}: expected an address that begins with https:// or http://")
    if _held_bytes(part) > size_bytes:
        part.unlink()
    try:
        if _held_bytes(part) < size_bytes:
            _receive(url, part, size_bytes, title, proxy, progress)
    except (OSError, http.client.HTTPException) as error:
        raise WeightsError(f"cannot fetch {url}: {error}; {_progress(part, size_bytes)}") from error
    if _held_bytes(part) < size_bytes:
        raise WeightsError(f"the connection to {url} was cut; {_progress(part, size_bytes)}")
    found = file_sha256(part)
    if found != sha256:
        part.unlink()
        raise WeightsError(f"{url} is not {title}: its sha256 is {found}, expected {sha256}; the download was removed")


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _receive(url: str, part: Path, size_bytes: int, title: str, proxy: str | None, progress: Progress | None) -> None:
    """Append the missing bytes to `part`, or start it anew where the server sends the whole file."""
    held = _held_bytes(part)
    headers = {"User-Agent": "satsim"} | ({"Range": f"bytes={held}-"} if held else {})
    proxies = urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else None)
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.build_opener(proxies).open(request, timeout=TIMEOUT_S) as response:
        resumed = response.status == http.client.PARTIAL_CONTENT
        held = held if resumed else 0
        with part.open("ab" if resumed else "wb") as file:
            # One byte past the expected size is enough to know that this is another file.
            while held <= size_bytes and (chunk := response.read(min(CHUNK_BYTES, size_bytes + 1 - held))):
                file.write(chunk)
                held += len(chunk)
                if progress:
                    progress(title, held, size_bytes)


def _progress(part: Path, size_bytes: int) -> str:
    return f"{_held_bytes(part):,} of {size_bytes:,} bytes are held, and the next try resumes there"


def _held_bytes(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
