"""Passes of a satellite: Skyfield's against the closed form, and what is said of a file that cannot be used."""

import re
import sys
from datetime import UTC, datetime
from itertools import pairwise
from math import acos, cos, inf, pi, radians, sqrt
from pathlib import Path

import numpy as np
import pytest

from satsim.errors import LinkError
from satsim.links.linkspec import DAY_S, Passes
from satsim.links.orbit import _skyfield, epoch_notice, passes, read_tle
from satsim.links.windows import make_windows

TLE = Path(__file__).resolve().parent.parent / "scenarios" / "orbits" / "iridium_like.tle"
MUNICH = {"model": "tle", "path": TLE, "latitude_deg": 48.1, "longitude_deg": 11.6, "mask_deg": 8.2}
SITES = [(0, 30), (48.1, 11.6), (-33, -70), (80, 0)]


def site(**changes):
    return Passes(**{**MUNICH, "start": "2026-08-01T12:00:00Z"} | changes)


@pytest.fixture(scope="module")
def skyfield():
    """Skyfield, where it is installed."""
    return pytest.importorskip("skyfield.api", reason="needs Skyfield: pip install 'satsim-link[orbit]'")


def with_checksum(line):
    return line + str(sum(int(c) if c.isdigit() else c == "-" for c in line) % 10)


GEO = "\n".join(
    with_checksum(line)
    for line in (
        "1 99902U 26001B   26213.00000000  .00000000  00000+0  00000+0 0  999",
        "2 99902   0.0100  90.0000 0001000   0.0000   0.0000  1.00273000    1",
    )
)


def longest_pass_s(height_km, mask_deg):
    """Seconds from rise to set of a circular orbit that passes through the zenith, over an Earth that stands still.

    Seen from the Earth's centre, the satellite at elevation e stands off the observer by the angle
    L = acos(R cos(e) / (R + h)) - e (the triangle of centre, observer and satellite has the angles 90 deg + e at the
    observer and 90 deg - e - L at the satellite, and the law of sines gives the rest). It sweeps 2 L at the rate
    n = sqrt(mu / (R + h)^3) of Kepler's third law, so the pass takes 2 L / n.
    """
    mask, axis_km = radians(mask_deg), 6378.137 + height_km
    half_angle = acos(6378.137 * cos(mask) / axis_km) - mask
    return 2 * half_angle * sqrt(axis_km**3 / 398_600.4418)


class TestLongestPass:
    @pytest.mark.parametrize(
        ("height_km", "mask_deg", "minutes"),
        [(780, 8.2, 11.1), (1414, 10, 16.7), (650, 5, 11.0), (750, 5, 12.2), (550, 40, 2.7)],
        ids=["Iridium", "Globalstar", "Kineis", "ORBCOMM", "Astrocast"],
    )
    def test_it_is_that_of_the_table(self, height_km, mask_deg, minutes):
        assert longest_pass_s(height_km, mask_deg) / 60 == pytest.approx(minutes, abs=0.05)

    def test_with_the_mask_at_the_zenith_nothing_is_left(self):
        assert longest_pass_s(780, 89.999999) == pytest.approx(0, abs=1e-3)

    def test_from_far_away_half_of_the_orbit_is_above_the_horizon(self):
        height_km = 1e7
        period_s = 2 * pi * ((height_km + 6378.137) ** 3 / 398600.4418) ** 0.5
        assert longest_pass_s(height_km, 0) / period_s == pytest.approx(0.5, abs=0.001)


class TestPasses:
    @pytest.mark.parametrize(("latitude_deg", "longitude_deg"), SITES)
    def test_none_is_longer_than_the_closed_form_allows_and_the_longest_comes_near(
        self, skyfield, latitude_deg, longitude_deg
    ):
        # The bound takes the greatest height above the pole, where the ground is lowest (radius 6356.8 km). The Earth
        # turns by w cos(i) / n = 0.0044 of the orbit's rate; with that doubled, the margin is one percent.
        (elements,) = read_tle(TLE)
        craft = skyfield.EarthSatellite(elements.line1, elements.line2)
        clock = skyfield.load.timescale(builtin=True)
        height_km = craft.at(clock.utc(2026, 8, 1, 12, range(120))).distance().km.max() - 6356.752
        assert 7.292e-5 * cos(radians(86.4)) / (14.342 * 2 * pi / DAY_S) == pytest.approx(0.0044, abs=0.0001)
        found = passes(site(latitude_deg=latitude_deg, longitude_deg=longitude_deg), 10 * DAY_S)
        longest_s = max(end_s - start_s for start_s, end_s in found)
        assert longest_s <= 1.01 * longest_pass_s(height_km, 8.2)
        assert longest_s >= 0.95 * longest_pass_s(780, 8.2)

    def test_they_lie_in_order_and_apart(self, skyfield):
        found = list(passes(site(), 10 * DAY_S))
        assert len(found) > 40
        assert all(start_s < end_s for start_s, end_s in found)
        assert all(end_s < start_s for (_, end_s), (start_s, _) in pairwise(found))
        assert found[0][0] >= 0
        assert found[-1][1] <= 10 * DAY_S

    def test_the_satellite_is_at_the_mask_when_they_begin_and_end(self, skyfield):
        (elements,) = read_tle(TLE)
        clock = skyfield.load.timescale(builtin=True)
        view = skyfield.EarthSatellite(elements.line1, elements.line2) - skyfield.wgs84.latlon(48.1, 11.6)
        edges_s = np.ravel(list(passes(site(), 2 * DAY_S)))
        degrees = view.at(clock.utc(2026, 8, 1, 12, 0, edges_s)).altaz()[0].degrees
        assert degrees == pytest.approx(np.full(len(edges_s), 8.2), abs=0.05)  # half a second near the horizon

    def test_days_are_joined_without_a_seam(self, skyfield):
        # One search from noon against one from six hours later, whose days begin amid those of the first.
        early = np.ravel(list(passes(site(), 6 * DAY_S)))
        late = np.ravel(list(passes(site(start="2026-08-01T18:00:00Z"), 5.75 * DAY_S))) + DAY_S / 4
        assert early[-len(late) :] == pytest.approx(late, abs=1)

    def test_a_longer_run_has_the_same_passes(self, skyfield):
        short = list(passes(site(), DAY_S))
        assert list(passes(site(), 5 * DAY_S))[: len(short)] == short

    def test_a_pass_under_way_at_the_end_is_cut(self, skyfield):
        start_s, end_s = next(passes(site(), DAY_S))
        assert list(passes(site(), (start_s + end_s) / 2)) == [(start_s, (start_s + end_s) / 2)]

    def test_a_pass_under_way_at_the_start_begins_at_zero(self, skyfield):
        start_s, end_s = next(passes(site(), DAY_S))
        amid = datetime.fromtimestamp(datetime(2026, 8, 1, 12, tzinfo=UTC).timestamp() + start_s + 60, UTC)
        (first_s, last_s), *_ = passes(site(start=amid.isoformat()), DAY_S)
        assert first_s == 0
        assert last_s == pytest.approx(end_s - start_s - 60, abs=1)

    def test_a_geostationary_satellite_is_always_up_or_never(self, skyfield, tmp_path):
        path = tmp_path / "geo.tle"
        path.write_text(GEO)
        found = {
            tuple(passes(site(path=path, latitude_deg=0, longitude_deg=east), 3 * DAY_S))
            for east in range(-180, 180, 60)
        }
        assert found == {(), ((0, 3 * DAY_S),)}

    def test_time_zones_and_none_mean_the_same_start(self, skyfield):
        starts = ("2026-08-01T12:00:00Z", "2026-08-01T14:00:00+02:00", "2026-08-01 12:00")
        assert len({tuple(passes(site(start=start), DAY_S)) for start in starts}) == 1

    def test_they_are_contact_windows(self, skyfield):
        start_s, end_s = next(passes(site(), DAY_S))
        contact = make_windows(site(), np.random.default_rng(1), DAY_S)
        assert [contact.next_open(0), contact.next_open(end_s - 1e-3)] == [start_s, end_s - 1e-3]
        assert contact.next_open(end_s) > end_s
        assert make_windows(site(), np.random.default_rng(1), DAY_S).next_open(DAY_S) == inf


class TestNotice:
    def test_fresh_elements_need_none(self):
        assert epoch_notice(site(start="2026-08-14T00:00:00Z")) is None
        assert epoch_notice(site(start="2026-07-20T00:00:00Z")) is None

    @pytest.mark.parametrize(("start", "days"), [("2026-08-16", 15), ("2026-07-02", 30), ("2027-08-01", 365)])
    def test_elements_more_than_two_weeks_off_are_named_with_their_epoch(self, start, days):
        notice = epoch_notice(site(start=start))
        assert f"IRIDIUM-LIKE has its epoch on 2026-08-01, {days} days from windows.start" in notice
        assert "\n" not in notice


class TestFiles:
    LINES = TLE.read_text().splitlines()

    @pytest.fixture
    def tle(self, tmp_path):
        def write(*lines):
            path = tmp_path / "some.tle"
            path.write_text("\n".join(lines) + "\n")
            return path

        return write

    def test_the_shipped_one_says_what_its_readme_says(self):
        (elements,) = read_tle(TLE)
        assert elements.name == "IRIDIUM-LIKE"
        assert elements.epoch == datetime(2026, 8, 1, tzinfo=UTC)
        assert f"`{TLE.name}` | {elements.epoch:%Y-%m-%d %H:%M}" in (TLE.parent / "README.md").read_text()

    def test_names_notes_and_blank_lines_are_optional(self, tle):
        _, one, two = self.LINES
        assert [each.name for each in read_tle(tle(one, two))] == [""]
        assert [each.name for each in read_tle(tle("# a note", "0 A", one, two, "", "B", one, two))] == ["A", "B"]

    def test_a_satellite_is_found_by_its_name_in_any_case(self, tle):
        _, one, two = self.LINES
        path = tle("A", one, two, "Bee 2", one, two)
        assert epoch_notice(site(path=path, satellite="bee 2")) is None

    def test_a_digit_that_was_changed_is_noticed(self, tle):
        name, one, two = self.LINES
        with pytest.raises(LinkError, match="line 3: the checksum is 4, and the line adds up to 5; copy the line anew"):
            read_tle(tle(name, one, two.replace("86.3950", "86.3951")))

    @pytest.mark.parametrize(
        ("keep", "complaint"),
        [
            ([], "holds no two-line elements; is it a TLE file?"),
            ([0], "holds no two-line elements"),
            ([0, 1], "holds no two-line elements"),
            ([0, 2], "line 2: 1 ... was expected here"),
            ([0, 1, 1], "line 3: 2 ... was expected here"),
            ([0, 1, 2, 0], "ends amid a satellite"),
            ([0, 0], "line 2: 1 ... was expected here"),
        ],
    )
    def test_what_is_no_tle_file_is_named(self, tle, keep, complaint):
        path = tle(*(self.LINES[k] for k in keep))
        with pytest.raises(LinkError, match=f"^{re.escape(str(path))}: {re.escape(complaint)}"):
            read_tle(path)

    def test_a_line_cut_short_is_named(self, tle):
        with pytest.raises(LinkError, match="line 1: has 60 columns; a line of elements has 69, the last a checksum"):
            read_tle(tle(self.LINES[1][:60]))

    def test_a_missing_file_a_folder_and_bytes_are_named(self, tmp_path):
        with pytest.raises(LinkError, match=r"none\.tle: no such TLE file; check the path"):
            read_tle(tmp_path / "none.tle")
        with pytest.raises(LinkError, match=r"cannot be read .*; expected a TLE file"):
            read_tle(tmp_path)
        (tmp_path / "bytes.tle").write_bytes(b"\xff\xfe")
        with pytest.raises(LinkError, match="is not text in UTF-8; expected a TLE file"):
            read_tle(tmp_path / "bytes.tle")

    def test_a_satellite_that_is_not_there_or_not_chosen_is_named_with_those_that_are(self, tle):
        _, one, two = self.LINES
        path = tle("A", one, two, "B", one, two)
        with pytest.raises(LinkError, match="has no satellite 'C'; it holds A, B"):
            epoch_notice(site(path=path, satellite="C"))
        with pytest.raises(LinkError, match=r"holds 2 satellites; set windows\.satellite to one: A, B"):
            epoch_notice(site(path=path))

    @pytest.mark.parametrize("start", ["noon", "", "2026-13-01", "01.08.2026"])
    def test_a_start_that_is_no_time_is_named(self, start):
        with pytest.raises(ValueError, match=f"start is '{re.escape(start)}'; expected UTC such as 2026-08-01T12"):
            site(start=start)


def test_without_skyfield_the_mend_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skyfield", None)
    monkeypatch.delitem(sys.modules, "skyfield.api", raising=False)
    _skyfield.cache_clear()
    with pytest.raises(LinkError, match=r"needs Skyfield: pip install 'satsim-link\[orbit\]'"):
        passes(site())
