"""Who may see the page: whoever has the token, or where there is none, this machine; and what a browser may do with it.

A cookie says until when, and is signed by the token, so that nothing is to be remembered, also over a restart; a new
token ends all. What changes something must be POST and come from a page of our own, by its Origin.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from satsim.inbox.credentials import matches
from satsim.inbox.guard import is_loopback
from satsim.inbox.ways.door import Door
from satsim.inbox.ways.http import FORWARDED, Refused, address_of, bearer

COOKIE, STAYS_S = "satsim_console", 12 * 3600
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
OFF = "the console is off here, for other machines may reach it: give the inbox a token (--token-file)"


def is_off(door: Door) -> bool:
    """Whether there is no console: no token, and strangers could reach it, be it through a proxy for web hooks."""
    secrets = door.secrets
    is_public = not is_loopback(door.address) or secrets.hook_secret is not None or secrets.jwt_key is not None
    return secrets.token is None and is_public


def check(door: Door, request: Request) -> None:
    """Raise Refused unless the request may see what the inbox holds."""
    if is_off(door):
        raise _refused(door, request, 403, OFF)
    token = door.secrets.token
    if token is None:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
        is_here = is_loopback(address_of(request)) and (is_loopback(host) or host == "localhost")
        is_proxied = any(name in request.headers for name in FORWARDED) or request.scope["http_version"] == "1.0"
        if not is_here or is_proxied:  # some proxies betray themselves by nothing but their HTTP of 1996
            raise _refused(door, request, 403, "only from this machine, as there is no token")
    elif not (_is_signed(request.cookies.get(COOKIE, ""), token) or matches(bearer(request), token)):
        raise _refused(door, request, 401, "not logged in")
    if request.url.path != "/" and request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise _refused(door, request, 403, "asked for by another page")


def check_own(door: Door, request: Request) -> None:
    """Raise Refused unless the request is sent by a page of ours, which browsers say, or by no page."""
    origin = request.headers.get("origin")
    is_ours = origin is not None and urlsplit(origin).netloc == request.headers.get("host")
    if not is_ours or request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise _refused(door, request, 403, "not sent by this page")


def log_in(door: Door, request: Request, given: str, answer: Response) -> None:
    """Give the answer a cookie. Raises Refused where what is given is not the token."""
    token = door.secrets.token
    if token is None or not matches(given, token):
        raise _refused(door, request, 401, "wrong token")
    until = str(int(time.time()) + STAYS_S)
    answer.set_cookie(
        COOKIE,
        f"{until}.{_signature(until, token)}",
        max_age=STAYS_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def _is_signed(cookie: str, token: str) -> bool:
    until, _, signature = cookie.partition(".")
    if not (until.isascii() and until.isdigit() and len(until) < 12):
        return False
    return matches(signature, _signature(until, token)) and time.time() < int(until) <= time.time() + STAYS_S


def _signature(until: str, token: str) -> str:
    return hmac.new(token.encode(), f"satsim console until {until}".encode(), hashlib.sha256).hexdigest()


def _refused(door: Door, request: Request, code: int, reason: str) -> Refused:
    door.guard.refuse("console", address_of(request), reason)
    return Refused(code, reason, HEADERS)
