"""The weights store: fetched from a server of our own on this machine, imported, refused, removed."""

import hashlib
import http.server
import io
import os
import pickle
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from codec.base import WeightsError
from codec.metrics import METRICS, weights
from codec.metrics.tensor_files import read_kept, tensors_digest, write_kept
from codec.metrics.weight_files import WEIGHT_FILES, WeightFile

SHARED = Path(os.environ.get("SATSIM_WEIGHTS", Path(__file__).resolve().parent.parent / "../shared/weights"))
NEEDS_SQUEEZENET = pytest.mark.skipif(
    not (SHARED / "squeezenet1_1_features.safetensors").is_file(),
    reason=f"no SqueezeNet weights in {SHARED}; name their folder by SATSIM_WEIGHTS",
)
TENSORS = {"kept.weight": torch.arange(6.0).view(2, 3), "classifier.weight": torch.ones(1000)}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder, and no other place to look."""
    monkeypatch.setenv("SATSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SATSIM_WEIGHTS", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "cache"


class Server(http.server.ThreadingHTTPServer):
    """Serves `content` at any address, by Range too; `cut_after` bytes into an answer it hangs up once."""

    content = b""
    cut_after: int | None = None
    knows_ranges = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str | None]] = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        wanted = self.headers["Range"]
        self.server.asked.append((self.path, wanted))
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.knows_ranges else 0
        if not self.server.content:
            self.send_error(404)
            return
        body = self.server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut, self.server.cut_after = self.server.cut_after, None
        self.wfile.write(body[:cut])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def pickled(tensors):
    file = io.BytesIO()
    torch.save(tensors, file)
    return file.getvalue()


def published(content, url="https://weights.example/models/tiny.pth", digest=None):
    """A file that publishes `content`, of which only kept.weight is kept."""
    return WeightFile(
        name="tiny",
        title="Tiny",
        url=url,
        licence="CC0",
        download_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        kept_as="tiny_features.safetensors",
        shapes={"kept.weight": (2, 3)},
        tensors_sha256=digest,
    )


def names_in(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_fetch_keeps_the_layers_used_and_nothing_else(cache, server):
    server.content = pickled(TENSORS)
    shown = []
    file = published(server.content, url=f"{server.url}/tiny.pth")
    path = weights.fetch_file(file, progress=lambda *row: shown.append(row))
    assert path == cache / "tiny_features.safetensors"
    assert names_in(cache) == ["tiny_features.safetensors"]
    assert set(load_file(path)) == {"kept.weight"}
    assert torch.equal(read_kept(file, path)["kept.weight"], TENSORS["kept.weight"])
    assert shown[-1] == ("Tiny", len(server.content), len(server.content))


def test_a_cut_download_resumes_where_it_ended(cache, server):
    server.content, server.cut_after = pickled(TENSORS), 100
    file = published(server.content)
    with pytest.raises(WeightsError, match=r"100 of [\d,]+ bytes are held, and the next try resumes there"):
        weights.fetch_file(file, mirror_url=server.url)
    assert names_in(cache) == ["tiny.part"]
    weights.fetch_file(file, mirror_url=server.url)
    assert server.asked == [("/tiny.pth", None), ("/tiny.pth", "bytes=100-")]
    assert names_in(cache) == ["tiny_features.safetensors"]


def test_a_server_without_ranges_sends_the_whole_file_again(cache, server):
    server.content, server.cut_after, server.knows_ranges = pickled(TENSORS), 100, False
    file = published(server.content)
    with pytest.raises(WeightsError):
        weights.fetch_file(file, mirror_url=server.url)
    weights.fetch_file(file, mirror_url=server.url)
    assert names_in(cache) == ["tiny_features.safetensors"]


def test_a_wrong_hash_is_refused_and_nothing_is_left(cache, server):
    file = published(pickled(TENSORS))
    server.content = pickled(TENSORS)[:-1] + b"?"
    with pytest.raises(WeightsError, match=f"its sha256 is .*, expected {file.sha256}"):
        weights.fetch_file(file, mirror_url=server.url)
    assert names_in(cache) == []


def test_a_longer_file_is_refused_one_byte_past_its_size(cache, server):
    file = published(pickled(TENSORS))
    server.content = pickled(TENSORS) + bytes(10_000_000)
    shown = []
    with pytest.raises(WeightsError, match="is not Tiny"):
        weights.fetch_file(file, mirror_url=server.url, progress=lambda *row: shown.append(row))
    assert shown[-1][1] == file.download_bytes + 1
    assert names_in(cache) == []


def test_a_mirror_is_a_folder_or_the_file_itself(cache, server):
    server.content = pickled(TENSORS)
    file = published(server.content)
    for mirror in ("/pub/", "/pub", "/pub/tiny.pth"):
        weights.fetch_file(file, mirror_url=server.url + mirror)
    assert [path for path, _ in server.asked] == ["/pub/tiny.pth"] * 3


def test_a_proxy_is_asked_for_the_full_address(cache, server):
    server.content = pickled(TENSORS)
    weights.fetch_file(published(server.content, url="http://weights.example/tiny.pth"), proxy=server.url)
    assert server.asked == [("http://weights.example/tiny.pth", None)]


def test_a_server_that_lacks_the_file_is_named(cache, server):
    with pytest.raises(WeightsError, match=f"cannot fetch {server.url}/tiny.pth: HTTP Error 404"):
        weights.fetch_file(published(b"gone"), mirror_url=server.url)


def test_only_http_addresses_are_fetched(cache):
    with pytest.raises(WeightsError, match="expected an address that begins with https://"):
        weights.fetch_file(published(b"x"), mirror_url="file:///etc")


def test_a_published_file_is_imported_by_its_hash(cache, tmp_path):
    original = tmp_path / "renamed.pt"
    original.write_bytes(pickled(TENSORS))
    file = published(original.read_bytes())
    other = published(b"other")
    path = weights.import_among([other, file], original)
    assert torch.equal(read_kept(file, path)["kept.weight"], TENSORS["kept.weight"])
    assert original.exists()


def test_another_file_is_not_imported(cache, tmp_path):
    stranger = tmp_path / "weights.pt"
    stranger.write_bytes(pickled({"alpha": torch.ones(1, 1475, 1, 1), "beta": torch.ones(1, 1475, 1, 1)}))
    expected = "is not vgg16-397923af.pth or weights.pt: its sha256 is .*, expected 397923af.* or f5e65c96"
    with pytest.raises(WeightsError, match=expected):
        weights.import_file("dists", stranger)
    with pytest.raises(WeightsError, match=r"is not a file; expected weights.pt"):
        weights.import_file("dists-weights", tmp_path / "absent.pt")
    assert names_in(cache) == []


def test_a_pickle_that_runs_code_is_refused_even_with_the_right_hash(cache, tmp_path):
    hostile = tmp_path / "hostile.pth"
    hostile.write_bytes(pickle.dumps({"kept.weight": print}))
    with pytest.raises(WeightsError, match=r"hostile\.pth is not a readable weights file"):
        weights.import_among([published(hostile.read_bytes())], hostile)


def test_a_copy_of_another_cache_is_imported_a_safetensors_of_unknown_origin_is_not(cache, tmp_path):
    file = published(pickled(TENSORS))
    kept = {"kept.weight": TENSORS["kept.weight"]}
    copy = write_kept(file, kept, tmp_path)
    assert weights.import_among([file], copy) == cache / "tiny_features.safetensors"
    save_file(kept, tmp_path / "unknown.safetensors")
    with pytest.raises(WeightsError, match="its origin cannot be checked"):
        weights.import_among([file], tmp_path / "unknown.safetensors")
    known = published(pickled(TENSORS), digest=tensors_digest(kept))
    weights.import_among([known], tmp_path / "unknown.safetensors")


def test_wrong_shapes_types_and_numbers_are_refused(cache, tmp_path):
    path = tmp_path / "some.safetensors"
    file = published(b"x", digest=tensors_digest({"kept.weight": TENSORS["kept.weight"]}))
    for wrong in (torch.zeros(3, 2), torch.zeros(2, 3).half()):
        save_file({"kept.weight": wrong}, path)
        with pytest.raises(WeightsError, match=r"some.safetensors does not hold the float32 tensors of Tiny"):
            read_kept(file, path)
        with pytest.raises(WeightsError, match="holds the float32 tensors of none of: Tiny"):
            weights.import_among([file], path)
    save_file({"kept.weight": torch.zeros(2, 3)}, path)
    with pytest.raises(WeightsError, match=r"some.safetensors holds other numbers than Tiny"):
        read_kept(file, path)


def test_one_flipped_bit_in_the_cache_is_seen(cache, tmp_path):
    file = published(pickled(TENSORS))
    path = write_kept(file, {"kept.weight": TENSORS["kept.weight"]}, tmp_path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"tiny_features.safetensors holds other numbers than Tiny"):
        read_kept(file, path)


def test_a_corrupt_file_is_named_with_its_mend(cache):
    cache.mkdir()
    for file in weights.files_of("dists"):
        (cache / file.kept_as).write_bytes(b"not safetensors")
    with pytest.raises(WeightsError) as caught:
        weights.load("dists")
    assert str(cache / "vgg16_features.safetensors") in str(caught.value)
    assert "`satsim weights fetch dists`" in str(caught.value)
    assert [file.name for file in weights.to_fetch("dists")] == ["vgg16", "dists-weights"]


@NEEDS_SQUEEZENET
def test_squeezenet_is_imported_found_loaded_and_removed(cache):
    for name in ("squeezenet1_1_features", "lpips_v0.1_squeeze_linear"):
        weights.import_file("lpips-squeeze", SHARED / f"{name}.safetensors")
    features, heads = weights.load("lpips-squeeze")
    assert features["features.0.weight"].shape == (64, 3, 3, 3)
    assert heads["lin6.model.1.weight"].shape == (1, 512, 1, 1)
    assert weights.to_fetch("lpips-squeeze") == []
    assert len(weights.remove("lpips-squeeze")) == 2
    assert names_in(cache) == []


@NEEDS_SQUEEZENET
def test_the_second_folder_is_searched_but_never_emptied(cache, monkeypatch):
    monkeypatch.setenv("SATSIM_WEIGHTS", str(SHARED))
    rows = {row.file.name: row for row in weights.list_weights()}
    assert rows["squeezenet1_1"].path == SHARED / "squeezenet1_1_features.safetensors"
    assert rows["vgg16"].path is None
    assert weights.remove("lpips-squeeze") == []
    assert weights.missing("lpips-squeeze") == []


def test_a_backbone_stays_while_another_metric_needs_it(cache):
    cache.mkdir()
    for name in ("vgg16", "dists-weights", "lpips-vgg-heads"):
        (cache / WEIGHT_FILES[name].kept_as).touch()
    assert [path.name for path in weights.remove("lpips-vgg")] == ["lpips_v0.1_vgg_linear.safetensors"]
    assert len(weights.remove("dists")) == 2
    assert names_in(cache) == []


def test_the_list_tells_size_source_licence_and_use(cache):
    vgg = weights.list_weights()[0]
    assert vgg.metrics == ("dists", "lpips-vgg")
    assert vgg.file.download_bytes == 553_433_881
    assert vgg.file.url == "https://download.pytorch.org/models/vgg16-397923af.pth"
    assert vgg.file.licence.startswith("BSD-3-Clause")
    assert vgg.path is None


def test_the_table_is_whole():
    for file in WEIGHT_FILES.values():
        assert len(file.sha256) == 64
        named = file.original.removesuffix(".pth").rsplit("-", 1)
        assert len(named) == 1 or file.sha256.startswith(named[1])  # torchvision puts 8 digits of the hash in the name
    needed = {name for info in METRICS.values() for name in info.files}
    assert needed == {file.kept_as for file in WEIGHT_FILES.values()}


def test_an_unknown_name_is_refused(cache):
    with pytest.raises(WeightsError, match="no weights are called 'vgg'; expected one of dists, lpips-vgg"):
        weights.to_fetch("vgg")


def test_an_unwritable_cache_is_named(monkeypatch, tmp_path):
    (tmp_path / "occupied").touch()
    monkeypatch.setenv("SATSIM_CACHE", str(tmp_path / "occupied"))
    with pytest.raises(WeightsError, match=r"cannot make the cache folder .*occupied.*SATSIM_CACHE"):
        weights.fetch_file(published(b"x"))
