"""The codec in the browser: its modules against ours, and the page in a Chromium (skipped where one is not installed).

The page itself needs ONNX Runtime from npm, fetched once into build/npm; where that cannot be, its tests are skipped.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import json
import shutil
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import REPO, photo_like
from PIL import Image, ImageOps

from codec.photos import fit_photo
from codec.progic import layout
from codec.progic.codec import ProgicCodec
from satsim.air.content import content_of, mark_of, number_of
from satsim.air.forms import header_forms, misfit
from satsim.air.inbox import unpack
from satsim.air.packets import Packet, Repair, overhead_bytes, pack, packetize
from satsim.messages import encode_photo

MODEL_ID = 0x89ABCDEF
STAGES, BITS = 5, 10
EQUAL, LEVELS = 0.998, 2
"""Of the export: so many indices are equal at least, and pixels differ by so much at most."""


def program(name: str) -> Any:
    """A file of web/ as a module."""
    spec = importlib.util.spec_from_file_location(f"web_{name}", REPO / "web" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


prepare, serve = program("prepare"), program("serve")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server of `folder`."""
    serving = serve.server(folder)
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{serving.server_address[1]}/"
    finally:
        serving.shutdown()
        thread.join()
        serving.server_close()


# ---- the modules, each alone


@pytest.fixture(scope="module")
def modules(browser: Any) -> Iterator[Callable[..., Any]]:
    """What gives what a JavaScript function body makes of `given`, with `m` the named module of the page."""
    with served(REPO / "web" / "page") as address:
        page = browser.new_page()
        page.goto(address + "layout.js")

        def call(module: str, body: str, given: Any = None) -> Any:
            run = f"async given => {{ const m = await import('/{module}.js'); {body} }}"
            return page.evaluate(run, given)

        yield call
        page.close()


def python_messages(indices: layout.Indices, width: int, height: int, packet_bytes: int) -> list[bytes]:
    """What `satsim encode` makes of these indices: as `satsim.messages` does it, but for the model."""
    sample = Packet("progic", 0, 0, 0, 0, 1, width, height, b"any")
    for compact in header_forms(packet_bytes, 0, sample):
        payloads = layout.split(indices, BITS, packet_bytes - overhead_bytes(compact=compact))
        bare = packetize(payloads, codec="progic", model_id=MODEL_ID, height=height, width=width)
        packets = [packet._replace(compact=compact) for packet in bare]
        if compact and not misfit(packets):
            break
    content = content_of(packets)
    number, mark = number_of(content, compact), mark_of(content)
    return [pack(packet._replace(image_id=number, mark=mark)) for packet in packets]


@pytest.mark.parametrize(
    ("width", "height", "packet_bytes"),
    [
        (256, 256, 360),  # a stage a packet
        (256, 256, 340),
        (256, 256, 1960),  # all stages in one
        (256, 256, 200),  # each dealt over several, under compact headers
        (256, 256, 70),
        (512, 512, 70),  # too many for a compact header
        (512, 384, 100),
        (128, 128, 360),  # several stages in one
        (200, 120, 100),  # a frame that the compact header has not
        (256, 256, 20),  # no room but under a compact header
    ],
)
def test_packets_are_those_of_python_for_equal_indices(
    modules: Callable[..., Any], width: int, height: int, packet_bytes: int
) -> None:
    rows, columns = -(-height // 16), -(-width // 16)
    indices = np.random.default_rng(width + packet_bytes).integers(0, 1 << BITS, (STAGES, rows, columns))
    given = {"grid": indices.reshape(-1).tolist(), "rows": rows, "columns": columns, "bytes": packet_bytes}
    given |= {"frame": {"model": MODEL_ID, "width": width, "height": height}}
    if packet_bytes == 20:
        with pytest.raises(Exception, match="no room"):
            modules("packets", PACK, given)
        return
    expected = [message.hex() for message in python_messages(indices, width, height, packet_bytes)]
    assert modules("packets", PACK, given) == expected


PACK = """
const { split } = await import("/layout.js");
const cut = room => split(Int32Array.from(given.grid), 5, given.rows, given.columns, 10, room);
const { messages } = await m.packetize(cut, given.bytes, given.frame);
return messages.map(message => [...message].map(byte => byte.toString(16).padStart(2, "0")).join(""));
"""
UNPACK = "return m.unpack(Uint8Array.from(given)).payload.length"


@pytest.mark.parametrize(("side", "packet_bytes"), [(256, 360), (256, 100), (128, 360), (512, 200)])
def test_any_of_the_packets_give_the_grid_that_they_give_in_python(
    modules: Callable[..., Any], side: int, packet_bytes: int
) -> None:
    rng = np.random.default_rng(side)
    indices = rng.integers(0, 1 << BITS, (STAGES, side // 16, side // 16))
    packets = list(map(unpack, python_messages(indices, side, side, packet_bytes)))
    some = [packet for packet in packets if rng.random() < 0.6] or packets[:1]
    received = {packet.payload_index: packet.payload for packet in some}
    expected = layout.join(received, STAGES, side // 16, side // 16, BITS)
    assert (expected == -1).any() or len(some) == len(packets)
    body = """
      const received = new Map(given.some.map(message => {
        const { index, payload } = m.unpack(Uint8Array.from(message));
        return [index, payload];
      }));
      const { join } = await import("/layout.js");
      return [...join(received, 5, given.side, given.side, 10)];
    """
    some_bytes = [list(pack(packet)) for packet in some]
    assert modules("packets", body, {"some": some_bytes, "side": side // 16}) == expected.reshape(-1).tolist()


def test_what_is_no_packet_for_this_page_is_told_in_one_line(modules: Callable[..., Any]) -> None:
    whole = Packet("progic", MODEL_ID, 1, 2, 0, 5, 256, 256, b"ABC", mark=7)
    message = pack(whole)
    refused = {
        b"": "no packet",
        b"PK": "no packet",
        message[:20]: "no packet",
        message[:-1]: "checksum",
        message[:9] + b"\xff" + message[10:]: "checksum",
        bytes([message[0] | 8]) + message[1:]: "sealed",
        pack(whole._replace(payload_index=-1, repair=Repair(2, 0))): "repair",
        pack(whole._replace(codec="avif")): "not of plain ProGIC",
        pack(whole._replace(codec="progic-full")): "not of plain ProGIC",
    }
    for content, words in refused.items():
        with pytest.raises(Exception, match=words):
            modules("packets", UNPACK, list(content))
    assert modules("packets", UNPACK, list(message)) == 3


@pytest.mark.parametrize(
    ("photo", "frame"),
    [
        ((700, 500), (256, 256)),
        ((300, 900), (256, 192)),  # rows first, which rounds otherwise
        ((300, 600), (256, 192)),
        ((97, 61), (128, 128)),
        ((256, 256), (256, 256)),
        ((256, 300), (256, 192)),
    ],
)
def test_a_photo_is_cut_and_scaled_as_pillow_does_it(
    modules: Callable[..., Any], photo: tuple[int, int], frame: tuple[int, int]
) -> None:
    pixels = photo_like(photo[1], photo[0])
    expected = np.asarray(ImageOps.fit(Image.fromarray(pixels), frame, Image.Resampling.LANCZOS))
    rgba = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    body = """
      const data = Uint8Array.from(atob(given.data), c => c.charCodeAt(0)), wide = given.photo[0] * 4;
      const region = (x, y, w, h) => Uint8Array.from({ length: w * h * 4 }, (_, k) =>
        data[(y + Math.floor(k / (w * 4))) * wide + x * 4 + k % (w * 4)]);
      return [...m.fit(...given.photo, ...given.frame, region)];
    """
    given = {"data": base64.b64encode(rgba.tobytes()).decode(), "photo": photo, "frame": frame}
    made = np.array(modules("resample", body, given)).reshape(expected.shape)
    assert (made == expected).all()


def test_a_higher_loss_only_adds_losses_and_packets_keep_their_times(modules: Callable[..., Any]) -> None:
    body = """
      const drawn = m.draws(3, 2000), lost = [0, 0.1, 0.3, 0.9].map(loss => m.lostAt(drawn, loss));
      const times = m.timesOf([false, true, false], 60);
      return { lost, times, arrived: m.arrivedAt(times, 125) };
    """
    said = modules("link", body)
    none, few, more, most = (np.array(each) for each in said["lost"])
    assert not none.any()
    assert (few <= more).all()
    assert (more <= most).all()
    assert few.mean() == pytest.approx(0.1, abs=0.03)  # four standard deviations of 2,000 draws
    assert said["times"] == [{"sent": 0, "arrives": 5}, {"sent": 60, "arrives": None}, {"sent": 120, "arrives": 125}]
    assert said["arrived"] == [0, 2]


def test_a_zip_is_read_by_python_and_back_and_a_packed_or_broken_one_is_told(modules: Callable[..., Any]) -> None:
    made = modules(
        "zip",
        """
        const files = [["packets/packet_000.bin", new Uint8Array([1, 2, 3])], ["packets/é.bin", new Uint8Array([4])]];
        const blob = m.zip(files);
        return [...new Uint8Array(await blob.arrayBuffer())];
        """,
    )
    with zipfile.ZipFile(io.BytesIO(bytes(made))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "packets/packet_000.bin": b"\1\2\3",
            "packets/é.bin": b"\4",
        }
    read = "return m.unzip(Uint8Array.from(given))?.map(([name, bytes]) => [name, [...bytes]])"
    assert modules("zip", read, made) == [["packets/packet_000.bin", [1, 2, 3]], ["packets/é.bin", [4]]]
    assert modules("zip", read, list(pack(Packet("progic", 1, 1, 2, 0, 5, 256, 256, b"ABC")))) is None
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.bin", b"a" * 100)
    with pytest.raises(Exception, match="packed"):
        modules("zip", read, list(packed.getvalue()))
    for end in (30, len(made) // 2, len(made) - 1):
        with pytest.raises(Exception, match="damaged"):
            modules("zip", read, made[:end])


# ---- the page


@pytest.fixture(scope="module")
def site(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make web` makes."""
    pytest.importorskip("onnx", reason="models are exported with the extra onnx")
    folder = tmp_path_factory.mktemp("web") / "site"
    try:
        prepare.prepare(folder)
    except prepare.Refused as reason:
        pytest.skip(str(reason))
    return folder


class Visit:
    """The page in a window, and what went wrong in it."""

    def __init__(self, browser: Any, address: str, **look: Any) -> None:
        from playwright.sync_api import expect

        self.expect = expect
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | look)
        self.page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("console", lambda message: self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto(address)
        self.expect(self.page.locator("#said")).to_contain_text("Ready", timeout=30_000)

    def give(self, where: str, *files: tuple[str, bytes]) -> None:
        """Choose these (name, bytes)."""
        named = [{"name": name, "mimeType": "application/octet-stream", "buffer": content} for name, content in files]
        self.page.set_input_files(f"#{where}", named)

    def held(self, *places: int) -> None:
        """Wait until the picture is that of these packets."""
        words = " ".join(map(str, places))
        self.expect(self.page.locator("#seen-words")).to_have_attribute("data-held", words, timeout=120_000)

    def code(self, name: str, photo: np.ndarray) -> None:
        """Choose a photo as PNG, and wait until all of its five packets are shown."""
        self.page.evaluate("document.getElementById('seen-words').dataset.held = ''")
        self.give("photo", (name, png_of(photo)))
        self.held(0, 1, 2, 3, 4)

    def seen(self, canvas: str = "seen") -> np.ndarray:
        """The pixels of a canvas."""
        address = self.page.evaluate(f"document.getElementById('{canvas}').toDataURL()")
        with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as picture:
            return np.asarray(picture.convert("RGB")).astype(int)

    def saved(self, button: str) -> dict[str, bytes]:
        """What a button saves, by name."""
        with self.page.expect_download() as download:
            self.page.click(button)
        with zipfile.ZipFile(download.value.path()) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def wrong(self) -> str:
        """What went wrong, once something did."""
        self.expect(self.page.locator("#wrong p").first).to_be_visible(timeout=30_000)
        return str(self.page.inner_text("#wrong"))


@pytest.fixture
def visit(browser: Any, site: Path) -> Iterator[Callable[..., Visit]]:
    """What opens the page in a fresh window."""
    visits = []
    with served(site) as address:

        def open_page(**look: Any) -> Visit:
            visits.append(Visit(browser, address, **look))
            return visits[-1]

        yield open_page
        for each in visits:
            each.context.close()


def png_of(photo: np.ndarray) -> bytes:
    """A PNG file."""
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "PNG")
    return file.getvalue()


def test_a_photo_gives_the_packets_of_python_and_each_shows_the_others(
    visit: Callable[..., Visit], tmp_path: Path
) -> None:
    photo = np.asarray(Image.open(REPO / "scenarios" / "images" / "forest_fire.png").convert("RGB"))
    (tmp_path / "photo.png").write_bytes(png_of(photo))
    options = {"model": "nano"}
    ours = encode_photo(
        {"path": tmp_path / "photo.png", "width": 256, "height": 256}, 360, "progic", options, None, None
    )
    window = visit()
    window.code("photo.png", photo)
    saved = window.saved("#save")
    assert list(saved) == [f"packets/packet_{k:03d}.bin" for k in range(5)]
    codec, theirs = ProgicCodec("nano"), [unpack(message) for message in saved.values()]
    grids = [
        layout.join({k: packet.payload for k, packet in enumerate(packets)}, STAGES, 16, 16, BITS)
        for packets in (theirs, [unpack(message) for message in ours.messages])
    ]
    assert (grids[0] == grids[1]).mean() >= EQUAL
    assert theirs[0].model_id == codec.model_id
    content = content_of([packet._replace(mark=0) for packet in theirs])
    assert {(packet.mark, packet.image_id) for packet in theirs} == {(mark_of(content), number_of(content, False))}

    assert (
        window.seen("sent") == np.asarray(ImageOps.fit(Image.fromarray(photo), (256, 256), Image.Resampling.LANCZOS))
    ).all()
    held = {k: packet.payload for k, packet in enumerate(theirs)}
    for lost in (None, 1, 0, 4):  # pressed one after the other, so that fewer and fewer are held
        if lost is not None:
            window.page.click(f"#row button:nth-child({lost + 1})")
            del held[lost]
        window.held(*held)
        picture = codec.decode(held, 256, 256)
        assert picture is not None
        assert np.abs(window.seen() - picture).max() <= LEVELS
    assert list(window.saved("#save-held")) == ["packets/packet_002.bin", "packets/packet_003.bin"]
    for place in (2, 3):
        window.page.click(f"#row button:nth-child({place + 1})")
    window.expect(window.page.locator("#seen-wait")).to_have_text("nothing received yet")
    assert window.page.is_hidden("#seen")
    assert window.faults == []


def photo_files() -> dict[str, tuple[bytes, int]]:
    """By name: a photo, and by how many levels the page's frame of it may differ from ours."""
    upright, wide = Image.fromarray(photo_like(480, 270)), Image.fromarray(photo_like(240, 400))
    turned = Image.Exif()
    turned[0x0112] = 6
    veiled = wide.copy()
    veiled.putalpha(Image.linear_gradient("L").resize(wide.size))
    saved: dict[str, tuple[Image.Image, dict[str, Any], int]] = {
        "upright.png": (upright, {}, 0),
        "grey.png": (wide.convert("L"), {}, 0),
        "veiled.png": (veiled, {}, 1),
        "turned.jpg": (wide, {"quality": 90, "exif": turned}, 2),
        "a.webp": (wide, {"quality": 85}, 2),
    }
    files = {}
    for name, (photo, options, levels) in saved.items():
        file = io.BytesIO()
        photo.save(file, {"png": "PNG", "jpg": "JPEG", "webp": "WebP"}[name.partition(".")[2]], **options)
        files[name] = file.getvalue(), levels
    return files


def test_photos_of_each_kind_are_framed_as_satsim_does(visit: Callable[..., Visit], tmp_path: Path) -> None:
    window = visit()
    window.page.select_option("#frame", "256x192")
    for name, (content, levels) in photo_files().items():
        (tmp_path / name).write_bytes(content)
        ours = fit_photo(tmp_path / name, 256, 192, "crop").pixels.astype(int)
        window.give("photo", (name, content))
        window.expect(window.page.locator("#said")).to_contain_text(f"{name}: 5 messages", timeout=60_000)
        assert np.abs(window.seen("sent") - ours).max() <= levels, name
    assert window.faults == []


def test_the_page_works_after_a_reload_without_server_and_network(browser: Any, site: Path) -> None:
    with served(site) as address:
        window = Visit(browser, address)
        assert window.page.evaluate("crossOriginIsolated")
        window.expect(window.page.locator("#offline")).to_contain_text("works without a network", timeout=120_000)
    window.context.set_offline(True)
    window.page.reload()
    window.expect(window.page.locator("#said")).to_contain_text("Ready")
    assert window.page.evaluate("crossOriginIsolated")  # what is kept keeps its headers, and so its threads
    window.code("photo.png", photo_like(300, 400))
    assert window.page.locator("#steps tr").count() == 7
    window.page.select_option("#model", "small")  # which was never loaded
    assert "small-encoder.onnx cannot be fetched; go online once" in window.wrong()
    window.context.close()


def test_a_photo_chosen_amid_the_decoding_of_another_is_the_one_that_is_shown(visit: Callable[..., Visit]) -> None:
    window = visit()
    window.code("first.png", photo_like(120, 160))
    window.page.click("#row button:nth-child(2)")
    window.code("second.png", photo_like(160, 120)[:, ::-1])
    held = {k: unpack(message).payload for k, message in enumerate(window.saved("#save").values())}
    picture = ProgicCodec("nano").decode(held, 256, 256)
    assert picture is not None
    assert np.abs(window.seen() - picture).max() <= LEVELS
    assert window.faults == []


def bad_photos() -> dict[str, tuple[bytes, str]]:
    """By name: a file, and what is said of it."""
    photo = Image.fromarray(photo_like(120, 160))
    files = {}
    for kind in ("JPEG", "PNG", "WebP"):
        file = io.BytesIO()
        photo.save(file, kind)
        files[kind] = file.getvalue()
    deep = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000).save(deep, "PNG")
    head = b"IHDR" + (40_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    huge = files["PNG"][:8] + b"\0\0\0\r" + head + zlib.crc32(head).to_bytes(4, "big") + files["PNG"][33:]
    return {
        "empty.png": (b"", "is empty"),
        "notes.txt": (b"no image at all", "is not an image of a kind that is read here"),
        "old.gif": (b"GIF89a" + bytes(40), "is not an image of a kind that is read here"),
        "deep.png": (deep.getvalue(), "of 16 bits a sample"),
        "huge.png": (huge, "is 40000x40000 pixels; expected at most 100,000,000"),
        "cut.jpg": (files["JPEG"][: len(files["JPEG"]) // 2], "is a JPEG that was cut short"),
        "cut.png": (files["PNG"][: len(files["PNG"]) // 2], "is a PNG that was cut short"),
        "cut.webp": (files["WebP"][: len(files["WebP"]) // 2], "is a WebP that was cut short"),
        "<b>torn</b>.png": (files["PNG"][:100] + bytes(60) + files["PNG"][160:], "cannot be decoded"),
    }


DROP = """
([name, mebibytes]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([new Uint8Array(mebibytes * 2 ** 20)], name));
  const drop = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
  document.getElementById("drop").dispatchEvent(drop);
}
"""


def test_what_is_no_usable_photo_is_told_in_one_line_that_names_it(visit: Callable[..., Visit]) -> None:
    window = visit()
    for name, (content, words) in bad_photos().items():
        window.give("photo", (name, content))
        window.expect(window.page.locator("#wrong")).to_contain_text(f"{name}: ", timeout=30_000)
        assert words in window.wrong()
        assert "\n" not in window.wrong()
    window.page.evaluate(DROP, ["large.jpg", 129])
    window.expect(window.page.locator("#wrong")).to_have_text(
        "large.jpg: is 129 MiB; expected at most 128: shrink it first"
    )
    window.page.evaluate(DROP, ["large.bin", 17])
    window.expect(window.page.locator("#wrong")).to_contain_text("large.bin: is 17 MiB; expected a packet")
    assert window.page.is_hidden("#packets")
    assert window.page.is_hidden("#sent")
    window.code("photo.png", photo_like(120, 160))  # and after all of these one that is sound
    assert window.page.inner_text("#wrong") == ""
    assert window.faults == []


def test_received_packets_are_shown_whatever_lies_beside_them(visit: Callable[..., Visit]) -> None:
    codec, photo = ProgicCodec("nano"), photo_like(192, 256)
    payloads = codec.encode(photo, 340)
    cut = {"codec": "progic", "model_id": codec.model_id, "height": 192, "width": 256}
    mark = mark_of(content_of(packetize(payloads, **cut)))
    messages = [pack(packet._replace(mark=mark)) for packet in packetize(payloads, **cut, sender=3, image_id=4)]
    another = pack(unpack(messages[1])._replace(payload=payloads[0]))
    mixed = pack(unpack(messages[4])._replace(payload=payloads[0]))
    strange = pack(unpack(messages[0])._replace(model_id=1, sender=9))
    window = visit()
    files = [("a.bin", messages[0]), ("b.bin", messages[1]), ("c.bin", another), ("d.bin", messages[3][:-2])]
    window.give("received", *files, ("e.bin", messages[4]))
    window.held(0, 4)
    assert [line for line in window.wrong().split("\n") if line] == [
        "d.bin: is damaged or no packet: its checksum does not match",
        "c.bin: contradicts another packet 2 of image 4 of sender 3; neither is used",
    ]
    picture = codec.decode({0: payloads[0], 4: payloads[4]}, 192, 256)
    assert picture is not None
    assert np.abs(window.seen() - picture).max() <= LEVELS
    assert window.page.locator("#row button:disabled").count() == 3
    window.give("received", ("f.bin", strange))
    assert "image 4 of sender 9: its model is not one that this page holds (nano, small)" in window.wrong()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for k, message in enumerate(messages):
            archive.writestr(f"packets/packet_{k:03d}.bin", message)
    window.give("received", ("all.zip", packed.getvalue()))
    window.held(0, 1, 2, 3, 4)
    assert window.page.inner_text("#wrong") == ""
    assert list(window.saved("#save").values()) == messages
    window.give("received", *((f"{k}.bin", message) for k, message in enumerate([*messages[:4], mixed])))
    window.expect(window.page.locator("#wrong")).to_contain_text("image 4 of sender 3: its packets are of two photos")
    window.held(0, 1, 2, 3, 4)
    assert window.faults == []


def test_loss_and_time_decide_what_is_held_and_the_keyboard_reaches_each_packet(visit: Callable[..., Visit]) -> None:
    window = visit()
    window.code("photo.png", photo_like(120, 160))
    page = window.page
    page.focus("#interval")
    page.keyboard.press("Home")  # one packet every five seconds: packet k arrives at 5 * k + 5
    assert page.inner_text("#interval-said") == "5 s"
    page.evaluate(
        "time => { const s = document.getElementById('time'); s.value = time; s.dispatchEvent(new Event('input')); }",
        12,
    )
    window.held(0, 1)
    assert "3 of 5 sent, 2 packets held." in page.inner_text("#link-words")
    page.focus("#time")
    page.keyboard.press("End")
    window.held(0, 1, 2, 3, 4)
    page.focus("#row button")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    window.held(0, 2, 3, 4)
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Packet 2 of 5, stage 2: lost"
    page.keyboard.press("Enter")
    window.held(0, 1, 2, 3, 4)
    page.focus("#loss")
    page.keyboard.press("End")
    assert page.inner_text("#loss-said") == "90 %"
    lost = page.locator("#row button[aria-pressed=true]").count()
    assert lost >= 2  # by this seed; the chance of fewer is one in 2,000
    page.keyboard.press("Home")
    window.held(0, 1, 2, 3, 4)
    assert window.faults == []


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_nothing_sticks_out_and_all_can_be_read_at_both_widths(visit: Callable[..., Visit], colours: str) -> None:
    axe_playwright = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="no axe (pip install -e '.[dev]')"
    )
    window = visit(color_scheme=colours)
    window.code("photo.png", photo_like(120, 160))
    window.give("received", ("bad.bin", b"no packet"))
    window.wrong()
    window.page.click("#row button:nth-child(2)")
    window.held(0, 2, 3, 4)
    for width in (360, 1440):
        window.page.set_viewport_size({"width": width, "height": 900})
        assert window.page.evaluate("document.documentElement.scrollWidth") <= width
        found = axe_playwright.Axe().run(window.page).response
        assert found["passes"]
        assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found["violations"]] == []
    assert window.faults == []


def test_a_model_of_other_bytes_is_not_used(browser: Any, site: Path, tmp_path: Path) -> None:
    shutil.copytree(site, tmp_path / "site")
    encoder = tmp_path / "site" / "models" / "nano-encoder.onnx"
    encoder.write_bytes(encoder.read_bytes()[:-1] + b"!")
    with served(tmp_path / "site") as address:
        window = Visit(browser, address, service_workers="block")
        window.give("photo", ("photo.png", png_of(photo_like(120, 160))))
        assert "nano-encoder.onnx is damaged, or of another version than this page" in window.wrong()
        assert window.page.is_hidden("#sent")
        window.context.close()


def test_a_runtime_of_other_bytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / f"{prepare.PACKAGE}-{prepare.VERSION}.tgz").write_bytes(b"something else")
    with pytest.raises(prepare.Refused, match="is not the onnxruntime-web"):
        prepare.prepare(tmp_path / "site", cache=tmp_path)
    assert not (tmp_path / "site").exists()


def test_the_service_worker_keeps_every_file_but_the_other_models(site: Path) -> None:
    text = (site / "sw.js").read_text(encoding="utf-8")
    kept = json.loads(text.partition("FILES = ")[2].partition(";")[0])
    there = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()} - {"sw.js"}
    assert there - set(kept) == {"models/small-encoder.onnx", "models/small-decoder.onnx"}
    assert set(kept) - there == {"./"}
