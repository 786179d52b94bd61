"""Every anatomy against what is published about it, row by row."""

from __future__ import annotations

import pytest

from lumped.circulation.library import anatomies
from lumped.physiology.comparisons import CLEAR, Row, deviation, in_range, markdown, ours, rows

ROWS = rows()


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_ours_beside_the_published_number(row: Row) -> None:
    """Within what is accepted; and a reason stands where ours is far off, and only there."""
    value = ours(row)
    off = deviation(row, value)
    if off is None:
        assert in_range(row, value) != bool(row.why), f"{value:.4g} {row.unit}"
        return
    assert row.accepted is not None
    assert abs(off) <= row.accepted, f"{value:.4g} instead of {row.reference:g} {row.unit}"
    assert (abs(off) > CLEAR) == bool(row.why), f"{value:.4g} instead of {row.reference:g} {row.unit}"


def test_rows_are_complete() -> None:
    for row in ROWS:
        assert row.anatomy in anatomies()
        assert row.source
        assert (
            (row.reference is None)
            == (row.accepted is None)
            == (row.low is not None)
            == (row.high is not None)
        )
        assert row.accepted is None or row.accepted <= CLEAR or row.why, row.name


def test_table_shows_what_is_off() -> None:
    small = [row for row in ROWS if row.anatomy == "patent_duct_small"]
    assert len(small) == 1
    lines = markdown(small)
    assert lines[-1].startswith("| patent duct small | output of the left ventricle | ")
    assert "**outside**: the grades are for preterm infants" in lines[-1]
