"""HTTP: the web hook of RockBLOCK and its kin, messages by POST, and the service's own state.

    POST /rockblock            a web hook, as form or JSON (`satsim.sbd.webhook`); /rockblock/SECRET where there is one,
                               or `Authorization: Bearer SECRET`
    POST /message              one message as it is, or in hexadecimal digits as text/plain; the token as Bearer
    GET  /status               counts and lag as JSON; the token as Bearer, or, where there is none, from this machine

    200  on the disk: {"status": "new", "again", or "waiting" for its key}, and for a hook also "rejected", with a
         reason, where it brings no packet of ours, for it would only come again; "empty" where a session brought none
    400  no web hook, or no hexadecimal digits; 422 no packet: kept as rejected
    401  wrong or missing token, secret or signature; 403 modem not allowed, or sent by a page in a browser
    413  too large
    429  too many from one address; 503 not kept, or not in time: send it again after Retry-After

Of what is not authenticated nothing is kept but a count.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from satsim.errors import PacketError
from satsim.inbox.credentials import check_signed, matches
from satsim.inbox.guard import is_loopback
from satsim.inbox.importing import said_of_hook
from satsim.inbox.intake import NotKept
from satsim.inbox.store import KEPT_BYTES, Taken
from satsim.inbox.ways.door import Door, Metadata
from satsim.sbd.webhook import hexadecimal, read_hook

HOOK_BYTES = 32_768
"""Of a web hook: 1,960 bytes of message in hexadecimal, and again in its signature, take 12,000."""
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""Headers by which a proxy betrays that a request is not of this machine."""
Status = Callable[[], Awaitable[Mapping[str, Any]]]


class Refused(Exception):
    """An answer that is no 200."""

    def __init__(self, code: int, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.code, self.reason, self.headers = code, reason, dict(headers or {})


def application(door: Door, status: Status) -> Starlette:
    """The three addresses; `status` makes what GET /status answers."""

    async def rockblock(request: Request) -> Response:
        return JSONResponse(await _hook(door, request))

    async def message(request: Request) -> Response:
        taken = await _message(door, request)
        return JSONResponse(_said(taken), 422 if taken.status == "rejected" else 200)

    async def state(request: Request) -> Response:
        _check_sender(door, request, "status")
        if door.secrets.token is not None:
            _check_token(door, request, "status")
        elif not is_loopback(_address(request)) or any(name in request.headers for name in FORWARDED):
            raise _unauthorised(door, request, "status", "only from this machine, as there is no token")
        return JSONResponse(dict(await status()))

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return JSONResponse({"error": error.reason}, error.code, headers={"Connection": "close", **error.headers})

    async def not_kept(request: Request, error: Exception) -> Response:
        assert isinstance(error, NotKept)
        door.tell("not kept", way="http", reason=error.reason, **{"from": _address(request)})
        return JSONResponse({"error": error.reason}, 503, headers={"Retry-After": str(error.retry_s)})

    async def gone(request: Request, error: Exception) -> Response:
        return Response(status_code=400)  # nobody is there to read it

    async def bug(request: Request, error: Exception) -> Response:
        door.tell("bug", way="http", error=type(error).__name__, path=request.url.path.split("/")[1])
        return JSONResponse({"error": "a mistake of the service"}, 500, headers={"Connection": "close"})

    routes = [
        Route("/rockblock", rockblock, methods=["POST"]),
        Route("/rockblock/{secret}", rockblock, methods=["POST"]),
        Route("/message", message, methods=["POST"]),
        Route("/status", state, methods=["GET"]),
    ]
    return Starlette(
        routes=routes, exception_handlers={Refused: refused, NotKept: not_kept, ClientDisconnect: gone, Exception: bug}
    )


async def _hook(door: Door, request: Request) -> dict[str, Any]:
    """The answer to a web hook that may come in."""
    _check_sender(door, request, "rockblock")
    secrets = door.secrets
    if secrets.hook_secret is not None:
        given = request.path_params.get("secret") or _bearer(request)
        if not matches(given, secrets.hook_secret):
            raise _unauthorised(door, request, "rockblock", "wrong or missing secret")
    elif secrets.jwt_key is None and secrets.token is not None:
        _check_token(door, request, "rockblock")
    content = await _body(door, request, "rockblock", HOOK_BYTES)
    about: Metadata = {"from": _address(request)}
    try:
        hook = read_hook(content, request.headers.get("content-type", ""))
        if secrets.jwt_key is not None:
            await asyncio.to_thread(check_signed, hook, secrets.jwt_key)
    except PacketError as error:
        if secrets.jwt_key is not None:  # so nobody knows whose it is
            raise _unauthorised(door, request, "rockblock", "no signed web hook", str(error)) from None
        await door.take("rockblock", content[:KEPT_BYTES], about, str(error))
        raise Refused(400, str(error)) from None
    about = {**said_of_hook(hook), **about}
    if not door.guard.allowed.imei(hook.imei):
        reason = f"modem {hook.imei} is not among those allowed"
        await door.take("rockblock", hook.payload, about, reason)
        raise Refused(403, reason)
    if not hook.payload:
        door.tell("session", way="rockblock", imei=hook.imei, momsn=hook.momsn)
        return {"status": "empty"}
    return _said(await door.take("rockblock", hook.payload, about))


async def _message(door: Door, request: Request) -> Taken:
    """What became of a message by POST."""
    _check_sender(door, request, "http")
    if door.secrets.token is not None:
        _check_token(door, request, "http")
    elif not (is_loopback(door.address) or door.secrets.sealed_only):
        raise _unauthorised(door, request, "http", "messages by POST need a token (--token-file)")
    is_text = request.headers.get("content-type", "").startswith("text/")
    content = await _body(door, request, "http", door.limits.message_bytes * (3 if is_text else 1))
    about: Metadata = {"from": _address(request)}
    if not content:
        raise Refused(400, "the message is empty")
    if is_text:
        message = hexadecimal(content.decode("ascii", "replace"))
        if not message:
            reason = "text is no even number of hexadecimal digits"
            await door.take("http", content[:KEPT_BYTES], about, reason)
            raise Refused(400, reason)
        content = message
    return await door.take("http", content, about)


async def _body(door: Door, request: Request, way: str, most_bytes: int) -> bytes:
    """All of a body that is no larger than it may be."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > most_bytes:
            door.guard.refuse(way, _address(request), "body is too large")
            raise Refused(413, f"body is larger than {most_bytes} bytes")
    return bytes(content)


def _said(taken: Taken) -> dict[str, Any]:
    return {"status": taken.status, "id": taken.message_id} | ({"reason": taken.reason} if taken.reason else {})


def _check_sender(door: Door, request: Request, way: str) -> None:
    """Refuse who sends too often, and pages in a browser of this machine, which reach what listens here alone."""
    if "origin" in request.headers or request.headers.get("sec-fetch-site", "none") != "none":
        door.guard.refuse(way, _address(request), "sent by a page in a browser")
        raise Refused(403, "no page in a browser may send or ask")
    if not door.guard.may_send(way, _address(request)):
        raise Refused(429, "too many messages a second from one address", {"Retry-After": "2"})


def _check_token(door: Door, request: Request, way: str) -> None:
    if not matches(_bearer(request), door.secrets.token or ""):
        raise _unauthorised(door, request, way, "wrong or missing token")


def _unauthorised(door: Door, request: Request, way: str, reason: str, more: str = "") -> Refused:
    door.guard.refuse(way, _address(request), reason)
    return Refused(401, more or reason, {"WWW-Authenticate": "Bearer"})


def _bearer(request: Request) -> str | None:
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    return given.strip() if kind.lower() == "bearer" else None


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
