"""Any two commands as a codec: one turns a PNG into a file, one turns that into a PNG."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from codec.base import Codec, CodecError
from codec.rivals.fixed_rate import FixedRateCodec, Format, read_pillow, save


def make_codec(
    budget_bytes: int,
    encode: str | Sequence[str],
    decode: str | Sequence[str],
    qualities: Sequence[int],
    suffix: str = ".bin",
    timeout_s: float = 60.0,
) -> Codec:
    """A codec of any two commands: `encode` turns a PNG into a file of `suffix`, `decode` turns that into a PNG.

    Commands are lists of arguments, or one string split as a POSIX shell would; no shell runs. `{input}`, `{output}`
    and `{quality}` in them are replaced. `qualities` go from the smallest file to the largest. The whole file goes on
    the air: nothing is known about its container. Raises CodecError on wrong templates.
    """
    writer, reader = (shlex.split(part) if isinstance(part, str) else list(part) for part in (encode, decode))
    for name, command in (("encode", writer), ("decode", reader)):
        if not all(any(key in part for part in command) for key in ("{input}", "{output}")):
            raise CodecError(f"external {name} command is {command}; expected {{input}} and {{output}} in it")
    if not qualities:
        raise CodecError("external qualities is empty; expected settings from the smallest file to the largest")

    def convert(command: Sequence[str], source: bytes, input_suffix: str, output_suffix: str, quality: object) -> bytes:
        with tempfile.TemporaryDirectory(prefix="satsim-") as folder:
            read, written = Path(folder, "input" + input_suffix), Path(folder, "output" + output_suffix)
            read.write_bytes(source)
            values = {"{input}": str(read), "{output}": str(written), "{quality}": str(quality)}
            for key, value in values.items():
                command = [part.replace(key, value) for part in command]
            call(command, timeout_s=timeout_s)
            if not written.is_file() or not written.stat().st_size:
                raise CodecError(f"{shlex.join(command)} wrote nothing to {{output}}")
            return written.read_bytes()

    form = Format(
        tuple(qualities),
        lambda pixels, quality, full, fast: convert(writer, save(pixels, "PNG"), ".png", suffix, quality),
        lambda file, height, width: read_pillow(convert(reader, file, suffix, ".png", ""), height, width),
        lambda file, blank: file,
        lambda payload, blank: payload,
        has_blank=False,
    )
    return FixedRateCodec("external", form, budget_bytes)


def call(command: Sequence[str], feed: bytes = b"", timeout_s: float = 120) -> bytes:
    """Standard output of `command` given `feed`; CodecError where it is missing, fails or takes too long.

    However a wait for it ends too soon, all that it started ends with it (on Windows, it alone).
    """
    pipe = subprocess.PIPE
    try:
        running = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
    except OSError as error:
        raise CodecError(f"cannot run {command[0]!r}: {error.strerror} (is it installed and on PATH?)") from error
    with running:
        try:
            told, complaint = running.communicate(feed, timeout_s)
        except subprocess.TimeoutExpired as error:
            end(running)
            raise CodecError(f"{shlex.join(command)} took over {timeout_s:g} s; raise timeout_s or mend it") from error
        except BaseException:
            end(running)
            raise
    if running.returncode:
        said = complaint.decode(errors="replace").strip()[-300:] or "nothing"
        raise CodecError(f"{shlex.join(command)} failed with exit code {running.returncode}, saying: {said}")
    return told


def end(running: subprocess.Popen[bytes]) -> None:
    """Kill a process that leads a session of its own, and all that it started there."""
    if os.name == "nt":
        running.kill()
    else:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
