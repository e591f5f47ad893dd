"""The console's addresses: who may see what, what is refused, and what is written down."""

import http.client
import io
import json
import re
import socket
import sys
import threading
import time
import zipfile
from contextlib import closing
from xml.etree import ElementTree

import posts
import pytest
from serving import Service, all_of, ask

from satsim.air.position import Position
from satsim.air.request import Missing, read_request
from satsim.commands import main
from satsim.inbox.console.maps import export
from satsim.inbox.database import connect
from satsim.inbox.store import Store
from satsim.inbox.upkeep import plan_pruning, prune
from satsim.keys import new_key, read_key
from satsim.sbd.directip import MtConfirmation, read_mt, write_mt_confirmation

for library in ("starlette", "uvicorn", "cryptography"):
    pytest.importorskip(library)

TOKEN = "token-0123456789abcdef"
HOSTILE = "</script><script>window.broken = 1</script><img src=x onerror=window.broken=2>&\"'"
PHOTO = posts.plain(posts.photo(1))
SECRET_PATHS = (
    "/console/photos",
    "/console/photos/1",
    "/console/photos/99",
    "/console/events",
    "/console/pictures/1-0011223344556677",
    "/console/requests/1.sbd",
    "/console/map.geojson",
    "/console/map.kml",
    "/console/inbox.zip",
)


@pytest.fixture
def token(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN)
    return ["--token-file", path]


class Answer:
    def __init__(self, answer):
        self.code, self.headers, self.content = answer.status, answer.headers, answer.read()

    def json(self):
        return json.loads(self.content)


def request(service, method, path, body=None, **headers):
    """An answer, to headers whose names have underscores for dashes."""
    with closing(http.client.HTTPConnection("127.0.0.1", service.port("http"), timeout=20)) as connection:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return Answer(connection.getresponse())


def origin(service):
    return f"http://127.0.0.1:{service.port('http')}"


def post(service, path, given, **headers):
    """The answer to a JSON object that the page posts."""
    headers = {"Origin": origin(service), "Content_Type": "application/json"} | headers
    return request(service, "POST", path, json.dumps(given), **headers)


def log_in(service, token=TOKEN, **headers):
    kind = {"Content_Type": "application/x-www-form-urlencoded", "Origin": origin(service)}
    return request(service, "POST", "/login", f"token={token}", **(kind | headers))


def fill(folder, messages=PHOTO, **store):
    there = Store(folder / "inbox.db", **store)
    posts.take(there, messages, imei="300234010753370")
    there.close()


def test_without_the_token_nothing_can_be_told_from_nothing(tmp_path, token):
    fill(tmp_path)
    with Service(tmp_path, "--http", "0", *token) as service:
        for path in SECRET_PATHS:
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": "satsim_console=9999999999.00"}):
                answer = request(service, "GET", path, **headers)
                assert (answer.code, answer.json()) == (401, {"error": "not logged in"}), path
        for path in ("/console/photos/1/seen", "/console/photos/1/ask", "/console/teams/7", "/logout"):
            assert post(service, path, {"by": "me", "changed": 1, "name": "x"}).code == 401
        page = request(service, "GET", "/")
        assert page.code == 401
        assert b"Token of this inbox" in page.content
        assert b"console/photos" not in page.content
    assert ask(service.db, "SELECT COUNT(*) FROM notes") == [(0,)]


def test_the_token_gives_a_cookie_that_scripts_cannot_read_and_that_outlives_a_restart(tmp_path, token):
    fill(tmp_path)
    with Service(tmp_path, "--http", "0", *token) as service:
        assert log_in(service, "wrong-0123456789abcdef").code == 401
        answer = log_in(service)
        assert (answer.code, answer.headers["location"]) == (303, "/")
        cookie, *about = answer.headers["set-cookie"].split("; ")
        assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"} <= set(about)
        assert TOKEN not in cookie
        assert request(service, "GET", "/", Cookie=cookie).code == 200
    with Service(tmp_path, "--http", "0", *token) as service:
        assert len(request(service, "GET", "/console/photos", Cookie=cookie).json()["photos"]) == 1
        until_s, signature = cookie.split("=")[1].split(".")
        for forged in (
            f"{int(until_s) + 60}.{signature}",
            f"{until_s}.{signature[:-1]}{int(signature[-1], 16) ^ 1:x}",
            f"1.{signature}",
            until_s,
            "",
        ):
            assert request(service, "GET", "/console/photos", Cookie=f"satsim_console={forged}").code == 401
        assert 'satsim_console=""' in post(service, "/logout", {}, Cookie=cookie).headers["set-cookie"]
    (tmp_path / "token").write_text("another-0123456789abcdef")
    with Service(tmp_path, "--http", "0", *token) as service:
        assert request(service, "GET", "/console/photos", Cookie=cookie).code == 401, "a new token ends all"


def test_where_strangers_reach_the_address_and_there_is_no_token_the_console_is_off(tmp_path):
    (tmp_path / "secret").write_text(TOKEN)
    fill(tmp_path)
    for address in ("0.0.0.0:0", "127.0.0.1:0"):
        with Service(tmp_path, "--http", address, "--hook-secret-file", tmp_path / "secret") as service:
            page = request(service, "GET", "/")
            assert page.code == 403
            assert b"give the inbox a token (--token-file)" in page.content
            for path in SECRET_PATHS:
                assert request(service, "GET", path).code == 403
            assert log_in(service).code == 401


def test_without_a_token_only_this_machine_under_its_own_name_is_let_in(tmp_path):
    """A page elsewhere that has a name of its own lead here (DNS rebinding) has that name as Host."""
    fill(tmp_path)
    with Service(tmp_path, "--http", "0") as service:
        port = service.port("http")
        for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", "localhost"):
            assert request(service, "GET", "/console/photos", Host=host).code == 200
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "0.0.0.0", ""):
            assert request(service, "GET", "/console/photos", Host=host).code == 403
        assert request(service, "GET", "/console/photos", X_Forwarded_For="198.51.100.7").code == 403
        with service.connect("http") as proxy:
            proxy.sendall(f"GET /console/photos HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            assert b" 403 " in all_of(proxy).splitlines()[0], "as nginx hands on, unless it is told otherwise"


def test_another_page_of_a_browser_here_cannot_even_ask(tmp_path):
    fill(tmp_path)
    with Service(tmp_path, "--http", "0") as service:
        for site in ("cross-site", "same-site"):
            assert request(service, "GET", "/console/inbox.zip", Sec_Fetch_Site=site).code == 403
            assert request(service, "GET", "/", Sec_Fetch_Site=site).code == 200, "a link leads to the page"
        for site in ("same-origin", "none"):
            assert request(service, "GET", "/console/photos", Sec_Fetch_Site=site).code == 200


def test_a_database_that_cannot_be_read_is_told_without_names_of_files(tmp_path):
    fill(tmp_path)
    with Service(tmp_path, "--http", "0") as service:
        service.port("http")
        (tmp_path / "inbox.db").write_bytes(b"not a database" * 1000)
        for name in ("inbox.db-wal", "inbox.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        for answer in (
            request(service, "GET", "/console/photos"),
            post(service, "/console/photos/1/seen", {"by": "me", "changed": 1}),
        ):
            assert answer.code == 503
            assert str(tmp_path) not in answer.content.decode()
        service.event("trouble")
        assert [each for each in service.events if each["event"] == "bug"] == []


def test_what_changes_something_must_be_sent_by_the_page_itself(tmp_path):
    fill(tmp_path)
    good = {"by": "me", "note": "", "changed": 5}
    with Service(tmp_path, "--http", "0") as service:
        for headers in (
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:1"},
            {"Sec_Fetch_Site": "cross-site"},
        ):
            answer = post(service, "/console/photos/1/seen", good, **headers)
            assert answer.code == 403
            assert answer.json()["error"] in ("not sent by this page", "asked for by another page")
        body = json.dumps(good)
        assert request(service, "POST", "/console/photos/1/seen", body, Content_Type="application/json").code == 403
        assert post(service, "/console/photos/1/seen", good, Content_Type="text/plain").code == 415
        for path in ("/console/photos/1/seen", "/console/photos/1/ask", "/console/teams/7", "/login", "/logout"):
            assert request(service, "GET", path).code in (404, 405)
        assert request(service, "OPTIONS", "/console/photos", Origin="http://evil.example").code == 405
        assert ask(service.db, "SELECT COUNT(*) FROM notes") == [(0,)]
        assert post(service, "/console/photos/1/seen", good).code == 200
        assert ask(service.db, "SELECT operator, changed FROM notes") == [("me", 5)]


def test_every_answer_forbids_inline_code_frames_and_other_servers(tmp_path):
    fill(tmp_path)
    with Service(tmp_path, "--http", "0") as service:
        for path in ("/", "/static/main.js", "/console/photos", "/console/map.kml", "/console/photos/99"):
            headers = request(service, "GET", path, Origin="http://evil.example").headers
            policy = headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'")
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert [name for name in headers if name.lower().startswith("access-control")] == []
        page = request(service, "GET", "/").content.decode()
        assert "<style" not in page
        assert " style=" not in page
        assert re.findall(r"<[^>]* on\w+=", page) == []
        assert page.count("<script") == page.count('<script type="module" src="/static/')


@pytest.mark.parametrize(
    "path",
    [
        "/static/../photos.py",
        "/static/..%2fphotos.py",
        "/static/%2e%2e/app.py",
        "/static/app.py",
        "/console/pictures/..%2f..%2finbox.db",
        "/console/pictures/1",
        "/console/pictures/1-",
        "/console/pictures/1-zz",
        "/console/pictures/%F0%9D%9F%99-00",
        "/console/pictures/" + "9" * 400,
        "/console/requests/" + "9" * 400 + ".sbd",
        "/console/photos/" + "9" * 400,
        "/console/photos/-1",
        "/console/map.exe",
        "/console/map.geojson%00",
    ],
)
def test_a_name_that_is_none_of_ours_leads_nowhere(path, shared):
    assert request(shared, "GET", path).code == 404


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    fill(folder)
    with Service(folder, "--http", "0", "--rate", "10000") as service:
        yield service


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "by: 0 letters; expected 1 to 60"),
        ({"by": " \u200b\n", "changed": 1}, "by: 0 letters; expected 1 to 60"),
        ({"by": "x" * 61, "changed": 1}, "by: 61 letters; expected 1 to 60"),
        ({"by": 5, "changed": 1}, "by: expected text"),
        ({"by": "me", "note": "x" * 2001, "changed": 1}, "note: 2001 letters; expected 0 to 2000"),
        ({"by": "me", "note": ["x"], "changed": 1}, "note: expected text"),
        ({"by": "me", "changed": True}, "changed: expected a number, the state that was seen"),
        ({"by": "me", "changed": "1"}, "changed: expected a number, the state that was seen"),
        ({"by": "me", "changed": -1}, "changed: expected a number, the state that was seen"),
        ([], "expected an object of JSON"),
        ("me", "expected an object of JSON"),
    ],
)
def test_a_mistake_in_a_note_is_named_and_nothing_is_written(shared, given, said):
    answer = post(shared, "/console/photos/1/seen", given)
    assert (answer.code, answer.json()) == (422, {"error": said})
    assert ask(shared.db, "SELECT COUNT(*) FROM notes") == [(0,)]


def test_other_mistakes_are_named_too(shared):
    answers = [
        post(shared, "/console/photos/99/seen", {"by": "me", "changed": 1}),
        post(shared, "/console/photos/99/ask", {}),
        post(shared, "/console/photos/1/ask", {}),
        post(shared, "/console/teams/99", {"name": "Ridge"}),
        post(shared, "/console/teams/7", {"name": "x" * 61}),
    ]
    assert [answer.code for answer in answers] == [422] * 5
    assert [answer.json()["error"] for answer in answers] == [
        "there is no such photo any more",
        "there is no such photo any more",
        "sender 7: no packet is missing",
        "nothing has come of this team",
        "name: 61 letters; expected 0 to 60",
    ]
    headers = {"Origin": origin(shared), "Content_Type": "application/json"}
    for body in (b"{", b"\xff", b"[" * 30_000, b""):
        assert request(shared, "POST", "/console/photos/1/seen", body, **headers).code == 422
    assert request(shared, "POST", "/console/photos/1/seen", b" " * 40_000, **headers).code == 413


def test_a_request_asks_for_just_what_this_photo_lacks_and_goes_to_the_gateway(tmp_path):
    other = posts.plain(posts.photo(2))
    fill(tmp_path, [PHOTO[0], PHOTO[1], PHOTO[3], other[0]])
    with socket.create_server(("127.0.0.1", 0)) as gateway:
        came = []

        def take_one():
            connection, _ = gateway.accept()
            with connection:
                came.append(read_mt(connection.recv(4096)))
                said = MtConfirmation(came[0].client_id, came[0].imei, 1, 2)
                connection.sendall(write_mt_confirmation(said))

        threading.Thread(target=take_one, daemon=True).start()
        where = f"directip:127.0.0.1:{gateway.getsockname()[1]}"
        with Service(tmp_path, "--http", "0", "--ask-by", where) as service:
            said = post(service, "/console/photos/1/ask", {}).json()
            assert said["said"] == "queued, place 2"
            assert said["asks"] == [f"image {posts.photo(1)[0].image_id}: packets 2, 4"]
            assert came[0].imei == "300234010753370"
            assert came[0].payload.hex() == said["hex"]
            [asked] = read_request(came[0].payload).images
            assert asked == Missing(asked.image_id, False, (2, 4), posts.photo(1)[0].mark)
            known = request(service, "GET", "/console/photos/1").json()["requests"]
            assert [(each["packets"], each["hex"]) for each in known] == [("2, 4", said["hex"])]
            assert "queued, place 2" in known[0]["said"]
            file = request(service, "GET", f"/console/requests/{said['row']}.sbd")
            assert file.content == came[0].payload
            assert request(service, "GET", "/console/photos/2").json()["requests"] == []


def test_a_gateway_that_is_away_leaves_the_request_written(tmp_path):
    fill(tmp_path, PHOTO[:2])
    with Service(tmp_path, "--http", "0", "--ask-by", "directip:127.0.0.1:1") as service:
        answer = post(service, "/console/photos/1/ask", {})
        assert answer.code == 422
        assert answer.json()["error"].startswith("the request is written, but not sent: ")
        assert ask(service.db, "SELECT said FROM requests") == [("not sent",)]


@pytest.mark.parametrize(
    "where", ["x", "directip:", "directip:host", "directip:host:0", "directip:host:99999", "http://h:1"]
)
def test_a_gateway_that_is_none_is_refused_before_anything_is_made(tmp_path, monkeypatch, capsys, where):
    monkeypatch.setattr(
        sys, "argv", ["satsim", "inbox", "--db", str(tmp_path / "x.db"), "--http", "0", "--ask-by", where]
    )
    with pytest.raises(SystemExit) as stopped:
        main.main()
    assert stopped.value.code == 2
    said = f"error: --ask-by {where}: expected directip:HOST:PORT, as directip:127.0.0.1:10801\n"
    assert capsys.readouterr().err == said
    assert list(tmp_path.iterdir()) == []


def test_a_sealed_photo_is_told_as_verified_and_asked_for_by_its_key(tmp_path):
    new_key(tmp_path / "key.yaml", 7)
    key = read_key(tmp_path / "key.yaml").key
    fill(tmp_path, posts.sealed(posts.photo(3), 0, key)[:3], keys={7: key})
    with Service(tmp_path, "--http", "0", "--keys", tmp_path / "key.yaml") as service:
        [photo] = request(service, "GET", "/console/photos").json()["photos"]
        assert (photo["sealed"], photo["held"], photo["missing"]) == (True, "0-2", "3-4")
        said = post(service, "/console/photos/1/ask", {}).json()
        assert read_request(bytes.fromhex(said["hex"]), {7: key}).images[0].payloads == (3, 4)
        [asked] = request(service, "GET", "/console/photos/1").json()["requests"]
        assert asked["packets"] == "3-4"


def placed(folder):
    """An inbox with a photo that tells its place, in a team and with a note that hold markup."""
    place = Position(1_700_000_000, -33.25, 18.5)
    fill(folder, posts.plain(posts.photo(4, position=place))[:4])
    return folder


def test_maps_tell_places_and_hold_markup_as_text(tmp_path):
    with Service(placed(tmp_path), "--http", "0") as service:
        assert post(service, "/console/teams/7", {"name": HOSTILE[:60]}).code == 200
        assert post(service, "/console/photos/1/seen", {"by": "me", "note": HOSTILE, "changed": 4}).code == 200
        shapes = json.loads(request(service, "GET", "/console/map.geojson").content)
        [feature] = shapes["features"]
        assert feature["geometry"] == {"type": "Point", "coordinates": [18.5, -33.25]}
        assert feature["properties"]["note"] == HOSTILE
        assert feature["properties"]["missing"] == "4"
        kml = ElementTree.fromstring(request(service, "GET", "/console/map.kml").content)
        space = "{http://www.opengis.net/kml/2.2}"
        assert [each.text for each in kml.iter(f"{space}coordinates")] == ["18.5,-33.25"]
        assert HOSTILE in [each.text for each in kml.iter(f"{space}value")]
        gpx = ElementTree.fromstring(request(service, "GET", "/console/map.gpx").content)
        [point] = gpx.iter("{http://www.topografix.com/GPX/1/1}wpt")
        assert (point.attrib, point[0].text) == ({"lat": "-33.25", "lon": "18.5"}, "2023-11-14T22:13:20Z")
        assert HOSTILE in point[2].text


def test_everything_comes_as_one_zip_and_leaves_no_file_behind(tmp_path):
    fill(tmp_path)
    with Service(tmp_path, "--http", "0") as service:
        post(service, "/console/photos/1/seen", {"by": "me", "note": "smoke", "changed": 5})
        answer = request(service, "GET", "/console/inbox.zip")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
            manifest = json.loads(packed.read("manifest.json"))
            assert sorted(packed.read(each["file"]) for each in manifest["messages"]) == sorted(PHOTO)
            assert [note["note"] for note in manifest["notes"]] == ["smoke"]
        assert list(tmp_path.glob(".*zip*")) == []


def stream(service, *headers, at=""):
    """A connection to which events come."""
    connection = service.connect("http")
    lines = [f"GET /console/events{at} HTTP/1.1", f"Host: 127.0.0.1:{service.port('http')}", *headers, "", ""]
    connection.sendall("\r\n".join(lines).encode())
    return connection


def read_until(connection, words):
    content = b""
    while words not in content:
        part = connection.recv(65536)
        assert part, content
        content += part
    return content


def test_events_tell_what_changed_and_one_that_was_cut_off_goes_on(tmp_path):
    fill(tmp_path, PHOTO[:1])
    with Service(tmp_path, "--http", "0") as service:
        frame = request(service, "GET", "/console/photos").json()["frame"]
        with stream(service, at=f"?after={frame}") as connection:
            assert service.http("POST", "/message", PHOTO[1])[0] == 200
            told = read_until(connection, b'"held":"0-1"')
            assert told.count(b"event: change") == 1
            assert b"event: reload" not in told
            last = told.split(b"id: ")[-1].split(b"\n")[0].decode()
        assert service.http("POST", "/message", PHOTO[2])[0] == 200
        with stream(service, f"Last-Event-ID: {last}") as connection:
            assert b'"held":"0-2"' in read_until(connection, b'"held":"0-2"')
        for stale in ("", "00000000-1", "x", f"{last}9", "-" * 2000):
            with stream(service, f"Last-Event-ID: {stale}") as connection:
                read_until(connection, b"event: reload" if not stale.startswith(last) else b"retry")


def test_a_stream_outlives_the_time_of_requests_and_ends_with_the_service(tmp_path):
    with Service(tmp_path, "--http", "0", "--request-s", "0.5") as service:
        with stream(service) as connection:
            read_until(connection, b"event: reload")
            time.sleep(1)
            assert service.http("POST", "/message", PHOTO[0])[0] == 200
            read_until(connection, b"event: change")
            assert service.stop() == 0
            all_of(connection)
        assert service.errors == b""
        assert [each for each in service.events if each["event"] == "bug"] == []


def test_a_photo_that_is_pruned_is_told_as_gone_and_its_notes_go_with_it(tmp_path):
    fill(tmp_path)
    with Service(tmp_path, "--http", "0") as service:
        post(service, "/console/photos/1/seen", {"by": "me", "changed": 5})
        frame = request(service, "GET", "/console/photos").json()["frame"]
        with stream(service, at=f"?after={frame}") as connection:
            db = connect(service.db)
            plan = plan_pruning(db, service.db, time.time())
            prune(db, service.db, plan, time.time())
            db.close()
            assert b'"gone":[1]' in read_until(connection, b'gone":[1]')
        assert ask(service.db, "SELECT COUNT(*) FROM notes") == [(0,)]
        assert request(service, "GET", "/console/photos/1").code == 404


def test_a_map_of_nothing_is_an_empty_map(tmp_path):
    store = Store(tmp_path / "inbox.db")
    assert json.loads(export(store.db, "geojson"))["features"] == []
    for kind in ("kml", "gpx"):
        ElementTree.fromstring(export(store.db, kind))
    store.close()
