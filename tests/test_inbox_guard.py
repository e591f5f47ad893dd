"""Who may come in, and what strangers can use up; proofs that are none."""

import asyncio
import base64
import hashlib
import hmac
import json
import sqlite3
import time
from contextlib import closing

import posts
import pytest

jwt = pytest.importorskip("jwt")
pytest.importorskip("cryptography")
from cryptography.hazmat.primitives import serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: E402

from satsim.errors import PacketError, ScenarioError  # noqa: E402
from satsim.inbox.credentials import Secrets, check_signed, matches, read_jwt_key, read_secret  # noqa: E402
from satsim.inbox.guard import MOST_ADDRESSES, MOST_REASONS, REMEMBERED, Guard, Limits, place_of, read_allowed  # noqa: E402
from satsim.inbox.intake import Intake, NotKept  # noqa: E402
from satsim.inbox.store import Arrival  # noqa: E402
from satsim.sbd.directip import MoMessage  # noqa: E402
from satsim.sbd.webhook import FORM, fields_of, read_hook, write_form  # noqa: E402

MESSAGE = MoMessage("300234010753370", 12, 0, 0, 1_635_676_910, b"ABC")
GATEWAY, STRANGER = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
PUBLIC = GATEWAY.public_key()
PEM = PUBLIC.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def hook_with(token):
    return read_hook(write_form(MESSAGE, jwt=token), FORM)


def signed(claims, key=GATEWAY):
    return jwt.encode(claims, key, "RS256")


def part(data):
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=")


def test_one_address_may_send_so_many_a_second_and_two_seconds_worth_at_once():
    clock = Clock()
    guard = Guard(Limits(rate_per_s=5), clock=clock)
    assert [guard.may_send("udp", "192.0.2.1") for _ in range(12)] == [True] * 10 + [False] * 2
    assert guard.may_send("udp", "192.0.2.2")
    clock.now += 1
    assert [guard.may_send("udp", "192.0.2.1") for _ in range(6)] == [True] * 5 + [False]
    assert guard.refused == {"udp: too many messages a second from one address": 3}


def seated(guard, *addresses):
    """Seats for these, and the list to which the number of each is added when it is ended."""
    ended = []
    seats = [guard.admit("tcp", address) for address in addresses]
    for k, seat in enumerate(seats):
        seat.close = lambda k=k: ended.append(k)
    return seats, ended


def test_who_holds_most_connections_gives_way_the_oldest_first():
    guard = Guard(Limits(connections=5, connections_each=3))
    seats, ended = seated(guard, *["192.0.2.1"] * 3, "192.0.2.2", "192.0.2.3")
    assert guard.connections == 5
    guard.admit("tcp", "192.0.2.4")
    assert ended == [0], "there is room for five, and .1 has three of them"
    seats[1].leave()
    seats[1].leave()
    assert guard.connections == 4
    more, more_ended = seated(guard, *["192.0.2.2"] * 2)
    assert (ended, more_ended) == ([0, 3], []), "of those that have two .2 is now the first that has most"
    assert guard.connections == 5
    for seat in [*seats, *more]:
        seat.leave()
    assert guard.connections == 1


def test_who_comes_again_and_again_ends_connections_of_its_own():
    guard = Guard(Limits(connections=5, connections_each=2))
    _, ended = seated(guard, "192.0.2.9", *["192.0.2.1"] * 4)
    assert ended == []
    assert guard.connections == 3
    assert guard.refused == {"tcp: connection ended for another of its address": 2}


def test_all_addresses_of_one_ipv6_network_are_one():
    assert place_of("2001:db8::1") == place_of("2001:db8::ffff:2") != place_of("2001:db8:0:1::1")
    assert place_of("::ffff:192.0.2.1") == "192.0.2.1"
    guard = Guard(Limits(connections_each=1))
    for address in ("2001:db8::1", "2001:db8::2"):
        guard.admit("tcp", address)
    assert guard.connections == 1


def test_what_is_known_of_strangers_is_bounded():
    guard = Guard(Limits())
    for k in range(MOST_ADDRESSES + 100):
        guard.may_send("udp", f"10.0.{k >> 8}.{k & 255}")
        guard.refuse("udp", f"{k}" * 100, f"reason {k}")
    assert len(guard._left) == MOST_ADDRESSES
    assert len(guard.refused) == MOST_REASONS + 1
    assert guard.refused.total() == MOST_ADDRESSES + 100
    assert len(guard.latest) == REMEMBERED
    assert len(guard.latest[-1].address) == 60


def test_a_list_of_who_is_allowed_holds_modems_and_addresses():
    allowed = read_allowed(["300234010753370", "192.0.2.0/24", "2001:db8::/32"])
    assert allowed.imei("300234010753370")
    assert not allowed.imei("300234010753371")
    assert allowed.address("192.0.2.9")
    assert allowed.address("2001:db8::1")
    assert allowed.address("::ffff:192.0.2.9")
    assert not allowed.address("192.0.3.9")
    assert not allowed.address("nobody")
    assert read_allowed([]).imei("any")
    with pytest.raises(ScenarioError, match=r"--allow: '3002' is none; expected an IMEI"):
        read_allowed(["3002"])


@pytest.mark.parametrize("way", ["http", "tcp", "udp", "directip"])
def test_a_way_that_others_reach_demands_a_proof_and_says_which(way):
    sealed = Secrets(sealed_only=True)
    for address in ("0.0.0.0", "192.0.2.1", "::", "2001:db8::1"):
        with pytest.raises(ScenarioError, match=rf"^--{way}: other machines reach {address}; give .*--sealed-only"):
            Secrets().check_way(way, address)
        sealed.check_way(way, address)
    for address in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"):
        Secrets().check_way(way, address)


def test_a_token_opens_http_and_tcp_and_a_gateways_proof_http_alone():
    for opens, secrets in ((("http", "tcp"), Secrets(token="x" * 16)), (("http",), Secrets(hook_secret="x" * 16))):
        for way in ("http", "tcp", "udp", "directip"):
            if way in opens:
                secrets.check_way(way, "0.0.0.0")
            else:
                with pytest.raises(ScenarioError, match=f"--{way}"):
                    secrets.check_way(way, "0.0.0.0")


@pytest.mark.parametrize("content", [b"", b"short", b"with a blank in it", b"\xff" * 20, b"x" * 1000, b"a\x1b[31m" * 4])
def test_a_file_of_no_secret_is_named_without_a_letter_of_it(tmp_path, content):
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(ScenarioError) as caught:
        read_secret(path, "token")
    assert str(caught.value) == (
        f"{path}: no token; expected one line of 16 to 512 letters and digits (openssl rand -hex 32)"
    )


def test_secrets_are_not_shown():
    secrets = Secrets("token-token-token", "secret-secret-secret", PUBLIC)
    assert repr(secrets) == "Secrets(sealed_only=False)"
    assert matches("token-token-token", secrets.token)
    assert not any(matches(given, secrets.token) for given in (None, "", "token-token-toke", "tökén", "\ud800"))


def test_a_key_that_is_no_public_rsa_key_is_refused(tmp_path):
    path = tmp_path / "key.pem"
    private = GATEWAY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    curve = other.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for content in (b"", b"junk", private, curve):
        path.write_bytes(content)
        with pytest.raises(ScenarioError, match=r"key\.pem: no key of a gateway; expected a public RSA key"):
            read_jwt_key(path)
    path.write_bytes(PEM)
    assert read_jwt_key(path).public_numbers() == PUBLIC.public_numbers()
    lines = PEM.split(b"\n")
    path.write_bytes(b"\n".join([lines[0], b"".join(lines[1:-2]), lines[-2], b""]))  # as their page shows it
    assert read_jwt_key(path).public_numbers() == PUBLIC.public_numbers()


def test_what_the_gateway_signed_is_taken_also_again():
    claims = fields_of(MESSAGE) | {"iss": "Rock 7", "iat": int(time.time()) + 60}
    for _ in range(2):
        check_signed(hook_with(signed(claims)), PUBLIC)


def forged_hs256(claims):
    """Signed by the public key as a shared secret, which careless readers take."""
    front = part({"alg": "HS256", "typ": "JWT"}) + b"." + part(claims)
    digest = hmac.new(PEM, front, hashlib.sha256).digest()
    return (front + b"." + base64.urlsafe_b64encode(digest).rstrip(b"=")).decode()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda claims: None, "JWT is missing"),
        (lambda claims: "junk", "JWT is not the gateway's"),
        (lambda claims: "..", "JWT is not the gateway's"),
        (lambda claims: signed(claims, STRANGER), "JWT is not the gateway's"),
        (lambda claims: (part({"alg": "none"}) + b"." + part(claims) + b".").decode(), "JWT is not the gateway's"),
        (forged_hs256, "JWT is not the gateway's"),
        (lambda claims: signed(claims)[:-6] + "AAAAAA", "JWT is not the gateway's"),
        (lambda claims: signed(claims | {"exp": 1_700_000_000}), "JWT is out of date"),
        (lambda claims: signed(claims | {"iat": int(time.time()) + 4000}), "JWT is from the future"),
        (lambda claims: signed(claims | {"data": "414244"}), "JWT signs another data"),
        (lambda claims: signed(claims | {"imei": "300234010753371"}), "JWT signs another imei"),
        (lambda claims: signed({"iss": "Rock 7"}), "JWT signs another imei"),
    ],
)
def test_what_the_gateway_did_not_sign_is_refused(make, said):
    with pytest.raises(PacketError, match=said):
        check_signed(hook_with(make(fields_of(MESSAGE))), PUBLIC)


def run(path, work, **options):
    """What `work` returns, which is given an Intake that is open."""

    async def main():
        intake = Intake(path, **options)
        await intake.start()
        try:
            return await work(intake)
        finally:
            await intake.close()

    return asyncio.run(main())


def test_what_waits_together_is_written_together(tmp_path):
    messages = [message for k in range(40) for message in posts.plain(posts.photo(k))]

    async def work(intake):
        taken = await asyncio.gather(*(intake.take(Arrival(each, "tcp", 1.0)) for each in messages + messages[:5]))
        return [each.status for each in taken], intake.counts, intake.waiting, intake.waiting_bytes

    statuses, counts, *left = run(tmp_path / "inbox.db", work)
    assert statuses == ["new"] * 200 + ["again"] * 5
    assert counts == {"new": 200, "again": 5, "waiting": 0, "rejected": 0, "not kept": 0}
    assert left == [0, 0]


def test_who_comes_when_too_many_wait_is_told_to_come_again(tmp_path):
    messages = posts.plain(posts.photo(1))

    async def work(intake):
        several = (intake.take(Arrival(each, "tcp", 1.0)) for each in messages)
        return await asyncio.gather(*several, return_exceptions=True)

    taken = run(tmp_path / "inbox.db", work, limits=Limits(waiting=3))
    assert [type(each).__name__ for each in taken] == ["Taken"] * 3 + ["NotKept"] * 2
    size = len(messages[0])
    taken = run(tmp_path / "other.db", work, limits=Limits(waiting_bytes=2 * size))
    assert [type(each).__name__ for each in taken] == ["Taken"] * 2 + ["NotKept"] * 3


def test_nothing_is_promised_once_the_service_stops(tmp_path):
    async def work(intake):
        await intake.close()
        with pytest.raises(NotKept, match="stopping"):
            await intake.take(Arrival(b"", "tcp", 1.0))

    run(tmp_path / "inbox.db", work)


def test_once_the_disk_for_rejected_messages_is_used_up_good_ones_are_still_taken(tmp_path):
    good = posts.plain(posts.photo(1))
    sealed = posts.sealed(posts.photo(2), 0)

    async def work(intake):
        outcomes = []
        for message in [b"rubbish 1" * 50, b"rubbish 2" * 50, b"rubbish 3" * 50, good[0], sealed[0], b"rubbish 1" * 50]:
            try:
                outcomes.append((await intake.take(Arrival(message, "tcp", 1.0))).status)
            except NotKept as error:
                outcomes.append(error.reason)
        return outcomes

    full = "the disk for rejected messages is used up"
    limits = Limits(rejected_bytes=1000)
    assert run(tmp_path / "a.db", work, limits=limits) == ["rejected", "rejected", full, "new", full, full]
    assert run(tmp_path / "a.db", work, limits=limits)[:2] == [full, full], "also after it starts again"
    keyed = run(tmp_path / "b.db", work, limits=limits, keys={7: posts.KEY})
    assert keyed == ["rejected", "rejected", full, full, "new", full]


def test_what_cannot_be_written_is_not_promised(tmp_path):
    said = []

    async def work(intake):
        with closing(sqlite3.connect(tmp_path / "inbox.db")) as db:
            db.execute("DROP TABLE arrivals")
        with pytest.raises(NotKept, match="nothing can be written"):
            await intake.take(Arrival(b"x", "tcp", 1.0))

    run(tmp_path / "inbox.db", work, on_trouble=said.append)
    assert said[0].startswith("nothing can be written: ")
    assert "arrivals" in said[0]
