"""The console's addresses.

    GET  /                     the page, or where a token is asked for, one that asks for it
    GET  /static/NAME          its parts; they tell nothing of what the inbox holds
    POST /login, /logout       the token as a form; the cookie goes
    GET  /console/photos       the list (`photos.records`); /console/photos/ID: one photo (`photos.photo`)
    GET  /console/events       server-sent events: what has changed (`feed`)
    GET  /console/pictures/NAME, /console/requests/ID.sbd, /console/map.KIND, /console/inbox.zip
    POST /console/photos/ID/seen, /console/photos/ID/ask, /console/teams/ID    JSON (`actions`)

All but the first three need what `access.check` wants; whoever has it not learns of no photo whether it is there.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from satsim.errors import SatsimError
from satsim.inbox.console import actions, maps, photos
from satsim.inbox.console.access import COOKIE, HEADERS, OFF, check, check_own, is_off, log_in
from satsim.inbox.console.answers import Parts, Stream, parts_of
from satsim.inbox.console.feed import Feed
from satsim.inbox.database import connect
from satsim.inbox.exports import export
from satsim.inbox.ways.door import Door, aside
from satsim.inbox.ways.http import Refused, address_of, body

STATIC = Path(__file__).with_name("static")
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
BODY_BYTES = 32_768
FOR_GOOD = {"Cache-Control": "private, max-age=31536000, immutable"}
Result = TypeVar("Result")
Answer = Callable[[Request], Awaitable[Response]]


class Console:
    """What the addresses share."""

    def __init__(self, path: Path, door: Door, gateway: tuple[str, int] | None = None) -> None:
        self.path, self.door, self.gateway = path, door, gateway
        self.feed = Feed(path, door.secrets.token is not None)
        self.static = {each.name: each.read_bytes() for each in STATIC.iterdir() if each.suffix in KINDS}
        self.packing, self.noting, self.asking = asyncio.Lock(), asyncio.Lock(), asyncio.Lock()

    def routes(self) -> list[Route]:
        """All addresses."""
        gets = {
            "/console/photos": self.photos,
            "/console/photos/{image:int}": self.photo,
            "/console/events": self.events,
            "/console/pictures/{name}": self.picture,
            "/console/requests/{row:int}.sbd": self.request,
            "/console/map.{kind}": self.map,
            "/console/inbox.zip": self.zip,
        }
        posts = {
            "/console/photos/{image:int}/seen": self.seen,
            "/console/photos/{image:int}/ask": self.ask,
            "/console/teams/{team:int}": self.team,
            "/logout": self.logout,
        }
        return [
            Route("/", self.page, methods=["GET"]),
            Route("/static/{name}", self.part, methods=["GET"]),
            Route("/login", self.login, methods=["POST"]),
            *(Route(path, self._for_those_inside(answer), methods=["GET"]) for path, answer in gets.items()),
            *(Route(path, self._own(answer), methods=["POST"]) for path, answer in posts.items()),
        ]

    def _for_those_inside(self, answer: Answer) -> Answer:
        async def inside(request: Request) -> Response:
            check(self.door, request)
            try:
                return await answer(request)
            except (OSError, SatsimError, sqlite3.Error) as error:
                raise self._trouble("read", error) from None

        return inside

    def _own(self, answer: Answer) -> Answer:
        async def own(request: Request) -> Response:
            check(self.door, request)
            check_own(self.door, request)
            try:
                return await answer(request)
            except actions.Mistake as mistake:
                return JSONResponse({"error": str(mistake)}, 422, HEADERS)
            except (OSError, SatsimError, sqlite3.Error) as error:
                raise self._trouble("written", error) from None

        return own

    def _trouble(self, what: str, error: Exception) -> Refused:
        """A disk or database that fails, told here in full, and there without names of files."""
        self.door.tell("trouble", reason=f"console: nothing can be {what}: {error}")
        return Refused(503, f"the inbox cannot be {what} now", HEADERS | {"Retry-After": "5"})

    async def page(self, request: Request) -> Response:
        """The page, or what stands before it."""
        if is_off(self.door):
            return HTMLResponse(f"<!doctype html><title>satsim</title><p>{OFF}</p>\n", 403, HEADERS)
        try:
            check(self.door, request)
        except Refused as refused:
            if refused.code != 401:
                raise
            return HTMLResponse(self.static["login.html"], 401, HEADERS)
        return HTMLResponse(self.static["index.html"], 200, HEADERS)

    async def part(self, request: Request) -> Response:
        """A file of the page, of those that there are."""
        name = request.path_params["name"]
        if name not in self.static:
            raise Refused(404, "there is no such file")
        kind = KINDS[Path(name).suffix]
        return Response(self.static[name], 200, HEADERS | {"Cache-Control": "no-cache"}, kind)

    async def login(self, request: Request) -> Response:
        """The cookie for the token, and on to the page."""
        if not self.door.guard.may_send("console", address_of(request)):
            raise Refused(429, "too many requests a second from one address", {"Retry-After": "2"})
        check_own(self.door, request)
        form = parse_qs((await body(self.door, request, "console", BODY_BYTES)).decode("utf-8", "replace"))
        answer = RedirectResponse("/", 303, HEADERS)
        try:
            log_in(self.door, request, form.get("token", [""])[0].strip(), answer)
        except Refused:
            return HTMLResponse(self.static["login.html"].replace(b"<p hidden", b"<p"), 401, HEADERS)
        return answer

    async def logout(self, request: Request) -> Response:
        """The cookie goes."""
        answer = JSONResponse({}, 200, HEADERS)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    async def photos(self, request: Request) -> Response:
        """The list."""
        return Parts(iter(await self.feed.listing()), "application/json", HEADERS)

    async def photo(self, request: Request) -> Response:
        """All of one photo."""
        image = _small(request.path_params["image"])
        found = await self.feed.read(lambda db: photos.photo(db, image, self.door.keys))
        if found is None:
            raise Refused(404, "there is no such photo", HEADERS)
        return JSONResponse(found | {"can_send": self.gateway is not None}, 200, HEADERS)

    async def events(self, request: Request) -> Response:
        """What has changed since the page read the list, or since it was cut off."""
        said = request.headers.get("last-event-id") or request.query_params.get("after")
        return Stream(self.feed, self.feed.place_of(said), HEADERS)

    async def picture(self, request: Request) -> Response:
        """A picture, by a name that is ever its own."""
        number, _, _ = request.path_params["name"].partition("-")
        row = await self._row("SELECT id, picture, sha256 FROM decodes WHERE id = ?", number)
        if row is None or photos.picture_name(row) != request.path_params["name"]:
            raise Refused(404, "there is no such picture", HEADERS)
        try:
            file = (self.path.parent / row["picture"]).open("rb")
        except OSError:
            raise Refused(404, "the picture's file is gone (satsim inbox decode makes it again)", HEADERS) from None
        return Parts(parts_of(file), "image/png", HEADERS | FOR_GOOD)

    async def request(self, request: Request) -> Response:
        """A request to a team, as the message that it is."""
        row = await self._row("SELECT id, request FROM requests WHERE id = ?", str(request.path_params["row"]))
        if row is None:
            raise Refused(404, "there is no such request", HEADERS)
        return Response(row["request"], 200, HEADERS | _file(f"request-{row['id']}.sbd"), "application/octet-stream")

    async def map(self, request: Request) -> Response:
        """Places of photos."""
        kind = request.path_params["kind"]
        if kind not in maps.KINDS:
            raise Refused(404, f"no map of this kind; expected {', '.join(maps.KINDS)}", HEADERS)
        words = await self.feed.read(lambda db: maps.export(db, kind))
        return Response(words, 200, HEADERS | _file(f"photos.{kind}"), maps.KINDS[kind])

    async def zip(self, request: Request) -> Response:
        """Everything, with its manifest; one at a time, for it takes as much disk as it holds."""
        if self.packing.locked():
            raise Refused(503, "another is being made", HEADERS | {"Retry-After": "10"})
        async with self.packing:
            file = await aside(self._pack)
        return Parts(parts_of(file), "application/zip", HEADERS | _file("inbox.zip"))

    def _pack(self) -> IO[bytes]:
        """A zip that is gone from the disk once it is closed."""
        out = self.path.with_name(f".{self.path.name}.zip")
        db = connect(self.path)
        try:
            export(db, self.path, out)
            return out.open("rb")
        finally:
            db.close()
            out.unlink(missing_ok=True)

    async def seen(self, request: Request) -> Response:
        """An operator has seen a photo."""
        image, given = _small(request.path_params["image"]), await self._given(request)
        await alone(self.noting, partial(actions.acknowledge, self.path, image, given))
        return JSONResponse({}, 200, HEADERS)

    async def ask(self, request: Request) -> Response:
        """A team is asked for what is missing."""
        image = _small(request.path_params["image"])
        await self._given(request)
        work = partial(actions.ask_again, self.path, image, self.door.keys, self.gateway)
        told = await alone(self.asking, work)
        return JSONResponse(told, 200, HEADERS)

    async def team(self, request: Request) -> Response:
        """A team has a name."""
        team, given = _small(request.path_params["team"]), await self._given(request)
        await alone(self.noting, partial(actions.name_team, self.path, team, given))
        return JSONResponse({}, 200, HEADERS)

    async def _given(self, request: Request) -> dict[str, Any]:
        """The JSON object that a page sent."""
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise Refused(415, "expected application/json", HEADERS)
        content = await body(self.door, request, "console", BODY_BYTES)
        try:
            given = json.loads(content)
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict):
            raise actions.Mistake("expected an object of JSON")
        return given

    async def _row(self, statement: str, number: str) -> sqlite3.Row | None:
        """The row of this number, where it is one."""
        if not (number.isascii() and number.isdigit() and len(number) < 19):
            return None
        return await self.feed.read(lambda db: db.execute(statement, (int(number),)).fetchone())


async def alone(lock: asyncio.Lock, work: Callable[[], Result]) -> Result:
    """What `work` gives, done aside once nobody else has the lock."""
    async with lock:
        return await aside(work)


def _small(number: int) -> int:
    """A number as the database can hold it; none has the one that stands for all that are too large."""
    return min(number, 2**62)


def _file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
