"""rows.csv: what is written is what is read, and nothing half-written stays."""

import pytest
from measurements import row

from codec.base import CodecError
from codec.evaluation.rows import Measurement, pack_rows, read_rows, unpack_rows, write_rows

ROWS = [row(parameters=9748544, gflops=7.5), row(codec="jpeg", value=None), row(rate=2, value=float("inf"))]


def test_rows_come_back_as_they_were(tmp_path):
    write_rows(tmp_path / "new" / "rows.csv", ROWS)
    assert read_rows(tmp_path / "new" / "rows.csv") == ROWS
    assert (tmp_path / "new" / "rows.csv").read_text().splitlines()[0] == ",".join(Measurement._fields)


def test_rows_kept_on_the_way_come_back_as_they_were():
    assert unpack_rows(pack_rows(ROWS)) == ROWS


def test_earlier_rows_are_not_written_over(tmp_path):
    write_rows(tmp_path / "rows.csv", ROWS)
    with pytest.raises(CodecError, match=r"rows\.csv: is there already; name another folder"):
        write_rows(tmp_path / "rows.csv", [])
    assert read_rows(tmp_path / "rows.csv") == ROWS


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"time_s,value\n1,2\n", "has no column 'dataset'"),
        (b"\xff\xfe\x00", "is not text"),
        (",".join(Measurement._fields).encode() + b"\nkodak-256,a.png,256\n", "line 2 is not a whole row"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path, content, complaint):
    (tmp_path / "rows.csv").write_bytes(content)
    with pytest.raises(CodecError, match=rf"rows\.csv: {complaint}"):
        read_rows(tmp_path / "rows.csv")
