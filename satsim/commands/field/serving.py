"""What `satsim inbox` does when it is called with ways in: it serves, and prints what happens."""

from __future__ import annotations

import json
import queue
import ssl
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satsim.commands.options import AllowCode, Guess
from satsim.words import visible

if TYPE_CHECKING:
    from satsim.inbox.service import Options

MOST_LINES_PER_S = 20
"""Of one kind; how many more there were is said in a line."""
OFTEN = ("message", "not kept", "session", "trouble", "bug")


def _way(words: str, metavar: str = "HOST:PORT") -> Any:
    return typer.Option(metavar=metavar, rich_help_panel="Ways in", help=words)


def _door(words: str, *names: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, metavar=metavar, rich_help_panel="Who may come in", help=words)


def _most(words: str, least: float = 1, most: float | None = None) -> Any:
    return typer.Option(min=least, max=most, rich_help_panel="Limits", help=words)


DEFAULT = Path("inbox", "inbox.db")
Db = Annotated[Path, typer.Option(help="The inbox's database, made where there is none; pictures lie beside it.")]
DirectIp = Annotated[str | None, _way("DirectIP server for the Iridium gateway.")]
Http = Annotated[str | None, _way("The console (a page), POST /rockblock (web hook), POST /message, GET /status.")]
AskBy = Annotated[
    str | None,
    typer.Option(metavar="directip:HOST:PORT", help="Gateway by which the console asks teams for what is missing."),
]
Tcp = Annotated[str | None, _way("TCP, a length before each message.")]
Udp = Annotated[str | None, _way("UDP, a message in each datagram.")]
Watch = Annotated[Path | None, _way("Take the files that are laid down here.", "FOLDER")]
Stdin = Annotated[str | None, _way("Take standard input, read in this form.", "any|lines|frames")]
Confirm = Annotated[
    bool,
    typer.Option(
        "--confirm/--no-confirmation", rich_help_panel="Ways in", help="Whether DirectIP messages are answered."
    ),
]
TcpPrefix = Annotated[int, typer.Option(rich_help_panel="Ways in", help="Bytes of TCP's lengths: 2 or 4.")]
Keys = Annotated[Path | None, _door("Keys of senders (satsim key new).")]
SealedOnly = Annotated[bool, _door("Take only what those keys open.", "--sealed-only")]
TokenFile = Annotated[Path | None, _door("File with the token of the console, POST /message, GET /status and TCP.")]
JwtKey = Annotated[Path | None, _door("Public key (PEM) of the gateway that signs its web hooks.")]
HookSecretFile = Annotated[Path | None, _door("File with a secret: hooks go to /rockblock/SECRET.")]
Allow = Annotated[list[str] | None, _door("Take from these alone; repeat.", metavar="IMEI|ADDRESS")]
TlsCert = Annotated[Path | None, _door("Certificate (PEM) of HTTP and TCP.")]
TlsKey = Annotated[Path | None, _door("Its private key.")]
MessageBytes = Annotated[int, _most("Bytes of one message.", most=1_000_000)]
Rate = Annotated[float, _most("Messages a second from one address.", 0.1)]
Connections = Annotated[int, _most("Connections at a time.", most=20_000)]
ConnectionsEach = Annotated[int, _most("Connections at a time from one address.", most=20_000)]
RequestS = Annotated[float, _most("Seconds in which a message must be there whole.", 0.1)]
RejectedMb = Annotated[int, _most("Megabytes of disk for what is rejected.", 0)]
Decode = Annotated[bool, typer.Option("--decode/--no-decoding", help="Whether what comes is decoded, beside.")]
Model = Annotated[str | None, typer.Option(help="ProGIC weights file, where packets name one not shipped.")]
Codec = Annotated[str | None, typer.Option(help="Your own codec, as module:Class, where they name none of ours.")]
Json = Annotated[bool, typer.Option("--json", help="Print each event as a line of JSON.")]


def serve(
    context: typer.Context,
    db: Db = DEFAULT,
    directip: DirectIp = None,
    http: Http = None,
    tcp: Tcp = None,
    udp: Udp = None,
    watch: Watch = None,
    stdin: Stdin = None,
    confirm: Confirm = True,
    tcp_prefix: TcpPrefix = 2,
    keys: Keys = None,
    sealed_only: SealedOnly = False,
    token_file: TokenFile = None,
    jwt_key: JwtKey = None,
    hook_secret_file: HookSecretFile = None,
    allow: Allow = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    message_bytes: MessageBytes = 65_536,
    rate: Rate = 400,
    connections: Connections = 256,
    connections_each: ConnectionsEach = 64,
    request_s: RequestS = 10,
    rejected_mb: RejectedMb = 256,
    decode: Decode = True,
    model: Model = None,
    codec: Codec = None,
    allow_code: AllowCode = False,
    guess: Guess = False,
    ask_by: AskBy = None,
    as_json: Json = False,
) -> None:
    """The command post: messages in by the ways that are named, pictures out, and nothing forgotten."""
    given = dict(locals())
    if context.invoked_subcommand:
        _check_none_given(context)
        return
    from satsim.inbox.service import serve as run

    options = read_options(given)
    printer = Printer(as_json)
    try:
        run(options, printer.tell)
    finally:
        printer.close()


def _check_none_given(context: typer.Context) -> None:
    """Raise ScenarioError where options of the service stand before a command that would not heed them."""
    from satsim.errors import ScenarioError

    command = context.invoked_subcommand
    for about in context.command.params:
        source = context.get_parameter_source(about.name or "")
        if source is not None and source.name == "COMMANDLINE":
            raise ScenarioError(
                f"{about.opts[0]} stands before {command}; write it behind: satsim inbox {command} {about.opts[0]} ..."
            )


def read_options(given: Mapping[str, Any]) -> Options:
    """What the service is to do, of the command's options by name. Raises ScenarioError, OSError."""
    from satsim.errors import ScenarioError
    from satsim.inbox.asking import address_of
    from satsim.inbox.credentials import Secrets, read_jwt_key, read_secret
    from satsim.inbox.guard import Limits, read_allowed
    from satsim.inbox.service import Options
    from satsim.inbox.supervision import Decoding
    from satsim.inbox.ways.stdin import FORMS
    from satsim.keys import read_keys

    if given["stdin"] not in (None, *FORMS):
        raise ScenarioError(f"--stdin is {given['stdin']!r}; expected {', '.join(FORMS)}")
    if given["tcp_prefix"] not in (2, 4):
        raise ScenarioError(f"--tcp-prefix is {given['tcp_prefix']}; expected 2 or 4")
    secrets = Secrets(
        token=read_secret(given["token_file"], "token") if given["token_file"] else None,
        hook_secret=read_secret(given["hook_secret_file"], "secret") if given["hook_secret_file"] else None,
        jwt_key=read_jwt_key(given["jwt_key"]) if given["jwt_key"] else None,
        sealed_only=given["sealed_only"],
    )
    names = ("message_bytes", "connections", "connections_each", "request_s")
    limits = Limits(rate_per_s=given["rate"], rejected_bytes=given["rejected_mb"] << 20)
    return Options(
        given["db"],
        **{name: given[name] for name in ("directip", "http", "tcp", "udp", "watch", "stdin", "confirm")},
        tcp_prefix_bytes=given["tcp_prefix"],
        keys=read_keys(given["keys"]) if given["keys"] else None,
        secrets=secrets,
        allowed=read_allowed(given["allow"] or ()),
        limits=limits._replace(**{name: given[name] for name in names}),
        gateway=address_of(given["ask_by"], "--ask-by") if given["ask_by"] else None,
        tls=_tls(given["tls_cert"], given["tls_key"]),
        decoding=Decoding(*(given[name] for name in Decoding._fields)) if given["decode"] else None,
    )


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    from satsim.errors import ScenarioError

    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ScenarioError("--tls-cert and --tls-key go together; give both")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for path in (certificate, key):
        path.open("rb").close()  # so that the error of a missing one names it
    try:
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (ssl.SSLError, ValueError):
        raise ScenarioError(
            f"{certificate}, {key}: no certificate with its private key; expected files of PEM, the key without a"
            " password"
        ) from None
    return context


class Printer:
    """Prints what happens, from a thread of its own: a terminal or pipe that stands still must not hold up messages."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.lines: queue.Queue[str | None] = queue.Queue(1000)
        self.said: Counter[str] = Counter()
        self.unsaid: Counter[str] = Counter()
        self.second = 0
        self.thread = threading.Thread(target=self._work, name="printer", daemon=True)
        self.thread.start()

    def tell(self, event: str, **fields: Any) -> None:
        """Print an event, unless there were too many of its kind this second."""
        now = time.time()
        if int(now) != self.second:
            self._count_unsaid(now)
            self.second, self.said = int(now), Counter()
        if event in OFTEN and self.said[event] >= MOST_LINES_PER_S:
            self.unsaid[event] += 1
            return
        self.said[event] += 1
        self._print(event, now, fields)

    def close(self) -> None:
        """Wait a little until all is printed."""
        self._count_unsaid(time.time())
        try:
            self.lines.put(None, timeout=1)
        except queue.Full:
            return
        self.thread.join(1)

    def _count_unsaid(self, now: float) -> None:
        unsaid, self.unsaid = self.unsaid, Counter()
        for event, count in unsaid.items():
            self._print("more", now, {"of": event, "count": count})

    def _print(self, event: str, now: float, fields: Mapping[str, Any]) -> None:
        if self.as_json:
            line = json.dumps({"event": event, "time_unix_s": round(now, 3), **fields})
        else:
            said = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in fields.items())
            line = f"{time.strftime('%H:%M:%S', time.gmtime(now))} {event}{': ' * bool(said)}{visible(said)}"
        try:
            self.lines.put_nowait(line)
        except queue.Full:
            self.unsaid["lines"] += 1

    def _work(self) -> None:
        while (line := self.lines.get()) is not None:
            try:
                typer.echo(line)
            except OSError:  # nobody reads any more, and the service goes on
                return
