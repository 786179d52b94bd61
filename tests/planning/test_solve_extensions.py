"""The wall beyond the cut of an extended opening does not count in what is said about the wall."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geometry.openings.extension_cuts import CUTS_FILE, Cut, write_cuts
from hemoplan.results import FlowMetrics, read_metrics
from planning.solver.program import main
from tests.cfd.tube_mesh import tube_mesh
from tests.planning.small_solve import write_solve

HALF, RADIUS = 4e-3, 2e-3
UPSTREAM = Cut(centre=(0.0, 0.0, HALF), normal=(0.0, 0.0, -1.0), length=HALF, radius=RADIUS, reach=RADIUS)
DOWNSTREAM = Cut(centre=(0.0, 0.0, HALF), normal=(0.0, 0.0, 1.0), length=HALF, radius=RADIUS, reach=RADIUS)


def solved(folder: Path, cuts: dict[str, Cut]) -> FlowMetrics:
    """A tube of 8 mm that narrows from 2 to 1.2 mm."""
    folder.mkdir()
    tube = tube_mesh()
    narrowing = 1.0 - 0.4 * tube.points[:, 2:] / (2.0 * HALF)
    points = np.hstack([narrowing * tube.points[:, :2], tube.points[:, 2:]])
    request = write_solve(folder, mesh=tube.but(points=points))
    if cuts:
        write_cuts(folder / "mesh" / CUTS_FILE, cuts)
    assert main([str(request)]) == 0
    return read_metrics(folder / "metrics.json")


def test_wall_shear_is_that_of_the_vessel(tmp_path: Path) -> None:
    """It grows with the third power of the narrowing, and the two halves, of 1.8 and 1.4 mm, make up the whole."""
    whole = solved(tmp_path / "whole", {})
    wide = solved(tmp_path / "wide", {"outlet": DOWNSTREAM})
    narrow = solved(tmp_path / "narrow", {"inlet": UPSTREAM})
    assert 1.4 * wide.tawss.mean < 1.2 * whole.tawss.mean < narrow.tawss.mean
    both = (1.8 * wide.tawss.mean + 1.4 * narrow.tawss.mean) / 3.2
    assert both == pytest.approx(whole.tawss.mean, rel=0.03)
    assert wide.tawss.p99 < 0.8 * whole.tawss.p99
    assert narrow.tawss.p99 == pytest.approx(whole.tawss.p99, rel=0.05)
    assert wide.mean_gradient == pytest.approx(whole.mean_gradient, rel=1e-6)
