"""`satsim inbox`: the command post; what it holds, and what can be done with that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from satsim.commands import options
from satsim.commands.field.serving import DEFAULT, serve
from satsim.commands.mending import echo

inbox_app = typer.Typer(
    help="The command post: messages in, pictures out, and nothing forgotten.", no_args_is_help=True
)
inbox_app.callback(invoke_without_command=True)(serve)

Db = Annotated[Path, typer.Option("--db", help="The inbox's database; its pictures lie beside it.")]
Keys = Annotated[Path | None, typer.Option(help="Key file, or a list of several, to open what they sealed.")]
SealedOnly = Annotated[bool, typer.Option("--sealed-only", help="Take nothing that is not sealed.")]
Model = Annotated[str | None, typer.Option(help="ProGIC weights file, where packets name one not shipped.")]
Codec = Annotated[str | None, typer.Option(help="Your own codec, as module:Class, where they name none of ours.")]


@inbox_app.command("list")
def inbox_list(
    db: Db = DEFAULT,
    sender: Annotated[int | None, typer.Option(help="Only images of this team.")] = None,
    last: Annotated[int, typer.Option(min=0, help="So many images, those heard of last; 0: all.")] = 50,
    as_json: options.Json = False,
) -> None:
    """Show what has come: images by team, the one heard of last first, what they lack, and where the pictures are."""
    from satsim.inbox.database import connect
    from satsim.inbox.listing import listing, listing_lines

    there = connect(db)
    listed = listing(there, sender, last or None)
    there.close()
    if as_json:
        echo(json.dumps({"folder": str(db.parent), **listed}, indent=1))
        return
    for line in listing_lines(listed, str(db.parent)):
        echo(line)


@inbox_app.command("import")
def inbox_import(
    files: Annotated[
        list[Path],
        typer.Argument(help="Files, folders or - (stdin): packets, DirectIP, web hooks, hexadecimal digits."),
    ],
    db: Db = DEFAULT,
    keys: Keys = None,
    sealed_only: SealedOnly = False,
    decode: Annotated[bool, typer.Option(help="Decode what came, unless a service does.")] = True,
) -> None:
    """Take messages from files; what is there already counts once, and what is no packet is kept with the reason."""
    import time

    from satsim.inbox.importing import import_files
    from satsim.inbox.store import Store
    from satsim.keys import read_keys

    for file in files:
        if str(file) != "-":
            file.stat()  # before an inbox is made for nothing
    store = Store(db, read_keys(keys) if keys else None, sealed_only)
    told = {"new": 0, "again": 0, "waiting": 0, "rejected": 0}
    for name, taken in import_files(store, files, time.time()):
        told[taken.status] += 1
        if taken.reason:
            echo(f"{name}: not taken: {taken.reason}", err=True)
    store.close()
    echo(f"{db}: {told['new']} new, {told['again']} there before, {told['waiting'] + told['rejected']} kept, not taken")
    if decode:
        inbox_decode(db)


@inbox_app.command("decode")
def inbox_decode(
    db: Db = DEFAULT,
    again: Annotated[bool, typer.Option("--again", help="Also images that failed before.")] = False,
    model: Model = None,
    codec: Codec = None,
    allow_code: options.AllowCode = False,
    max_pixels: Annotated[
        int | None, typer.Option(min=1, help="Largest picture to decode.  [default: by its bytes]")
    ] = None,
    guess: options.Guess = False,
) -> None:
    """Decode what is not decoded yet, or whose picture is gone; where a service runs, it does so by itself."""
    from codec.own import CODE_ALLOWED
    from satsim.inbox.database import connect
    from satsim.inbox.decoding import decode_pending, look_again
    from satsim.inbox.listing import number_of
    from satsim.receiving import Wanted

    CODE_ALLOWED.set(allow_code)
    there = connect(db)
    look_again(there, db, again)
    done = decode_pending(there, db, Wanted(model=model, own_codec=codec, max_pixels=max_pixels, guess=guess))
    there.close()
    echo("another decoder is at work, and does it" if done is None else f"{number_of(done, 'image')} decoded")


@inbox_app.command("export")
def inbox_export(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder, or a zip where it ends in .zip.")],
    db: Db = DEFAULT,
) -> None:
    """Write everything as plain files: messages as they came, pictures, and an account of every one of them."""
    from satsim.inbox.database import connect
    from satsim.inbox.exports import export
    from satsim.inbox.listing import counts_words, number_of

    there = connect(db)
    done = export(there, db, out)
    there.close()
    for name in done.lost:
        echo(f"{db.parent / name}: is not there; `satsim inbox decode` makes it again", err=True)
    echo(f"{out}: {counts_words(done.counts)}; {number_of(done.pictures, 'picture')}")


@inbox_app.command("backup")
def inbox_backup(
    file: Annotated[Path, typer.Argument(help="Database to write; one that is there is replaced.")],
    db: Db = DEFAULT,
) -> None:
    """Copy the database as it is at one moment, while a service goes on; pictures follow from it."""
    from satsim.inbox.database import connect
    from satsim.inbox.upkeep import backup

    there = connect(db)
    backup(there, db, file)
    there.close()
    echo(f"{file}: a copy of {db}, as it was just now (satsim inbox restore {file})")


@inbox_app.command("restore")
def inbox_restore(
    file: Annotated[Path, typer.Argument(help="What `satsim inbox backup` wrote.")],
    db: Db = DEFAULT,
    decode: Annotated[bool, typer.Option(help="Make its pictures again.")] = True,
) -> None:
    """Put a backup in place, where no inbox is yet, and make its pictures again."""
    from satsim.inbox.upkeep import restore

    restore(file, db)
    echo(f"{db}: restored from {file}")
    if decode:
        inbox_decode(db)


@inbox_app.command("verify")
def inbox_verify(db: Db = DEFAULT, keys: Keys = None) -> None:
    """Check that every message is as it came, by its hash, and accounted for; with keys, take what waited for them.

    Exit code 2, and a line for each thing that is wrong.
    """
    from satsim.inbox.database import connect
    from satsim.inbox.listing import counts_words, number_of
    from satsim.inbox.store import Store, counts
    from satsim.inbox.upkeep import verify
    from satsim.keys import read_keys

    there = connect(db)
    waited = counts(there)["waiting"]
    if keys:
        Store(db, read_keys(keys)).close()
    wrong, now = verify(there, db), counts(there)
    there.close()
    if keys:
        echo(f"{number_of(waited - now['waiting'], 'message')} that waited for a key looked at again")
    for line in wrong:
        echo(line, err=True)
    echo(f"{db}: {counts_words(now)}; {'something is wrong, see above' if wrong else 'all is well'}")
    if wrong:
        raise typer.Exit(2)


@inbox_app.command("prune")
def inbox_prune(
    older_than: Annotated[str, typer.Option(metavar="TIME", help="Since when nothing was heard of it: 90d.")],
    db: Db = DEFAULT,
    keep_images: Annotated[
        bool, typer.Option("--keep-images", help="Of images only earlier pictures go; messages and the latest stay.")
    ] = False,
    keep_rejected: Annotated[bool, typer.Option("--keep-rejected", help="What was rejected stays.")] = False,
    waiting: Annotated[bool, typer.Option("--waiting", help="What waits for a key goes too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; else it is only told what would go.")] = False,
) -> None:
    """Remove what is old: images with their messages and pictures, and what was rejected. `export` it before.

    Counters of sealed messages stay taken, so that these are refused if they come again; others would be new.
    """
    import time

    from satsim.durations import parse_duration
    from satsim.errors import ScenarioError
    from satsim.inbox.database import connect
    from satsim.inbox.listing import number_of
    from satsim.inbox.upkeep import plan_pruning, prune

    try:
        before_unix_s = time.time() - parse_duration(older_than)
    except ValueError as error:
        raise ScenarioError(f"--older-than: {error}") from None
    there = connect(db)
    plan = plan_pruning(there, db, before_unix_s, keep_images, keep_rejected, waiting)
    if yes:
        prune(there, db, plan, before_unix_s)
    there.close()
    images = f"{number_of(len(plan.images), 'image')} of {number_of(plan.messages, 'message')}"
    more = f"{number_of(len(plan.others), 'message')} not taken, {number_of(len(plan.pictures), 'other picture')}"
    echo(f"{db}: {'removed' if yes else 'would go'}: {images}, {more}")
    if not yes and any(plan):
        echo("nothing is removed without --yes")


@inbox_app.command("ask")
def inbox_ask(
    sender: Annotated[int, typer.Argument(help="The team.")],
    image: Annotated[int | None, typer.Argument(help="Only images of this number.")] = None,
    db: Db = DEFAULT,
    keys: Keys = None,
    to: Annotated[
        str | None, typer.Option(metavar="directip:HOST:PORT", help="Gateway that takes it to the modem.")
    ] = None,
    imei: Annotated[
        str | None, typer.Option(help="The modem's.  [default: by which the sender's last message came]")
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="File to write it to.")] = None,
) -> None:
    """Ask a team for the packets that are missing, in one message of at most 50 bytes, what came last first."""
    from codec.files import write_whole
    from satsim.errors import ScenarioError
    from satsim.inbox.asking import address_of, ask, device_of, send_request
    from satsim.inbox.database import connect
    from satsim.inbox.listing import number_of
    from satsim.keys import read_keys

    address = address_of(to) if to else None
    there = connect(db)
    device = imei or device_of(there, sender)
    if address and not device:
        raise ScenarioError(f"sender {sender}: it is not known which modem it has; give its --imei")
    asked = ask(there, db, sender, image, read_keys(keys) if keys else None)
    for line in asked.asks:
        echo(f"sender {sender} {line}", err=True)
    if asked.left:
        echo(f"{number_of(asked.left, 'more packet')} missing that did not fit: ask again for them later", err=True)
    if out:
        write_whole(out, asked.request)
    if address and device:
        said = send_request(there, db, asked, *address, device)
        echo(f"to modem {device}: {said}")
    elif not out:
        echo(asked.request.hex())
    there.close()
