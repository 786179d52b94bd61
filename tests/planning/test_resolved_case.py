"""The resolved case is a case file that means the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemoplan.case_file import load_case
from planning.resolved_case import absolute_paths, write_case
from tests.planning.command import CHECKOUT

CASES = [CHECKOUT / "cases" / "neonatal_coarctation", CHECKOUT / "tests" / "cases" / "narrowed_tube"]


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_it_reads_back_as_the_same_case(folder: Path, tmp_path: Path) -> None:
    case = load_case(folder, ['mesh.size="1.7 mm"', "solver.cycles=4"])
    write_case(tmp_path / "case.toml", case, folder=folder)
    text = (tmp_path / "case.toml").read_text()
    again = load_case(tmp_path)
    wanted = absolute_paths(case, folder)
    assert _close(again.model_dump(), wanted.model_dump())
    assert 'size = "1.7 mm"' in text
    assert "cycles = 4" in text
    assert 'viscosity = "4 mPa*s"' in text


def _close(one: object, other: object) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_close(one[key], other[key]) for key in one)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(_close(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, float) and isinstance(other, float):
        return one == pytest.approx(other, rel=1e-12, abs=0.0)
    return one == other
