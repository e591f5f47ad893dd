"""Where photos were taken, for maps: GeoJSON (RFC 7946), KML 2.2 and GPX 1.1. Names and notes are text in all three."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from satsim.inbox.console.photos import Record, records, state_of

KINDS = {
    "geojson": "application/geo+json",
    "kml": "application/vnd.google-earth.kml+xml",
    "gpx": "application/gpx+xml",
}
WORDS = "detail is invented or lost: do not count or read"


def export(db: sqlite3.Connection, kind: str) -> str:
    """A document of this kind with all photos of the list that tell their place, the newest first."""
    names = dict(db.execute("SELECT sender, name FROM teams").fetchall())
    placed = [each for each in records(db, state_of(db)) if each["place"]]
    return {"geojson": _geojson, "kml": _kml, "gpx": _gpx}[kind](placed, names)


def _name(photo: Record, names: Mapping[int, str]) -> str:
    team = f"Team {photo['team']}" + (f" {names[photo['team']]}" if photo["team"] in names else "")
    return f"{team}, photo {photo['number']}"


def _about(photo: Record) -> dict[str, Any]:
    """What is known of a photo, by name."""
    seen = photo["seen"]
    return {
        "id": photo["id"],
        "taken": _moment(photo["taken"]),
        "first_heard": _moment(photo["first"]),
        "packets": photo["count"],
        "held": photo["held"],
        "recovered": photo["recovered"],
        "missing": photo["missing"],
        "seal": "verified" if photo["sealed"] else "plain",
        "contradictions": photo["contradictions"],
        "seen_by": seen["by"] if seen else "",
        "note": seen["note"] if seen else "",
        "picture": WORDS,
    }


def _geojson(placed: list[Record], names: Mapping[int, str]) -> str:
    features = [
        {
            "type": "Feature",
            "id": photo["id"],
            "geometry": {"type": "Point", "coordinates": [photo["place"][1], photo["place"][0]]},
            "properties": {
                "name": _name(photo, names),
                "team": photo["team"],
                "number": photo["number"],
                **_about(photo),
            },
        }
        for photo in placed
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, indent=1)


def _kml(placed: list[Record], names: Mapping[int, str]) -> str:
    def lines() -> Iterator[str]:
        yield '<?xml version="1.0" encoding="UTF-8"?>'
        yield '<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>Photos of the inbox</name>'
        for photo in placed:
            latitude, longitude = photo["place"]
            yield f"<Placemark><name>{_xml(_name(photo, names))}</name>"
            yield f"<TimeStamp><when>{_moment(photo['taken'])}</when></TimeStamp><ExtendedData>"
            for name, value in _about(photo).items():
                yield f'<Data name="{name}"><value>{_xml(str(value))}</value></Data>'
            yield f"</ExtendedData><Point><coordinates>{longitude},{latitude}</coordinates></Point></Placemark>"
        yield "</Document></kml>"

    return "\n".join(lines()) + "\n"


def _gpx(placed: list[Record], names: Mapping[int, str]) -> str:
    def lines() -> Iterator[str]:
        yield '<?xml version="1.0" encoding="UTF-8"?>'
        yield '<gpx version="1.1" creator="satsim" xmlns="http://www.topografix.com/GPX/1/1">'
        for photo in placed:
            latitude, longitude = photo["place"]
            said = "; ".join(f"{name} {value}" for name, value in _about(photo).items() if value != "")
            yield f'<wpt lat="{latitude}" lon="{longitude}"><time>{_moment(photo["taken"])}</time>'
            yield f"<name>{_xml(_name(photo, names))}</name><desc>{_xml(said)}</desc></wpt>"
        yield "</gpx>"

    return "\n".join(lines()) + "\n"


def _xml(words: str) -> str:
    """As text of XML 1.0, which cannot hold some letters at all."""
    return escape("".join(letter for letter in words if letter in "\t\n\r" or " " <= letter not in "\ufffe\uffff"))


def _moment(time_unix_s: float) -> str:
    return f"{datetime.fromtimestamp(time_unix_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
