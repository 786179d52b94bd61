"""Flow around a cylinder (DFG 2D-2, 2D-3, 3D-1Z, 3D-3Z) with the P2–P1 pressure correction, against published values.

The lift of the cases in three dimensions is a 300th to a 650th of the drag, and is compared in parts of it.
"""

import pytest

from tests.verification.dfg import DFG_2D2, DFG_2D3, DFG_3D1Z, DFG_3D3Z, last_cycle, peak
from tests.verification.dfg_in_time import march


def test_vortex_shedding_at_reynolds_100():
    """2D-2 on a coarse mesh; drag, lift, frequency and pressure difference of the last cycle."""
    found = last_cycle(DFG_2D2, march(DFG_2D2, 16, dt=4e-3, end=6.5))
    published = {name: entry.value for name, entry in DFG_2D2.published.items()}
    assert found.largest_drag == pytest.approx(published["largest drag"], rel=0.01)
    assert found.smallest_drag == pytest.approx(published["smallest drag"], rel=0.01)
    assert found.largest_lift - found.smallest_lift == pytest.approx(published["range of lift"], rel=0.1)
    assert found.strouhal == pytest.approx(published["Strouhal number"], rel=0.02)
    assert found.pressure_difference == pytest.approx(published["pressure difference"], rel=0.02)


def test_inflow_that_rises_and_falls():
    """2D-3 on a coarse mesh."""
    series = march(DFG_2D3, 16, dt=4e-3, end=8.0)
    published = {name: entry.value for name, entry in DFG_2D3.published.items()}
    at, drag = peak(series.times, series.drag, int(series.drag.argmax()))
    assert drag == pytest.approx(published["largest drag"], rel=3e-3)
    assert at == pytest.approx(published["time of largest drag"], abs=0.01)
    at, lift = peak(series.times, series.lift, int(series.lift.argmax()))
    assert lift == pytest.approx(published["largest lift"], rel=0.15)
    assert at == pytest.approx(published["time of largest lift"], abs=0.15)
    difference = series.pressure_difference[-1]
    assert difference == pytest.approx(published["pressure difference at 8 s"], rel=0.15)


@pytest.mark.slow
def test_steady_flow_in_three_dimensions():
    """3D-1Z from rest to 6 s in 14,976 tetrahedra."""
    series = march(DFG_3D1Z, 8, layers=6, dt=0.05, end=6.0, tolerance=1e-5)
    published = {name: entry.value for name, entry in DFG_3D1Z.published.items()}
    assert series.drag[-1] == pytest.approx(published["drag"], rel=6e-3)
    assert series.lift[-1] == pytest.approx(published["lift"], abs=4e-4 * published["drag"])
    assert series.pressure_difference[-1] == pytest.approx(published["pressure_difference"], rel=0.06)


@pytest.mark.slow
def test_inflow_that_rises_and_falls_in_three_dimensions():
    """3D-3Z until 5 s in 14,976 tetrahedra: the largest drag comes when the inflow is at its greatest, at 4 s."""
    series = march(DFG_3D3Z, 8, layers=6, dt=0.02, end=5.0, tolerance=1e-5)
    published = {name: entry.value for name, entry in DFG_3D3Z.published.items()}
    at, drag = peak(series.times, series.drag, int(series.drag.argmax()))
    assert drag == pytest.approx(published["largest drag"], rel=6e-3)
    assert at == pytest.approx(4.0, abs=0.1)
    assert series.lift.min() == pytest.approx(
        published["smallest lift"], abs=2e-3 * published["largest drag"]
    )
    assert series.lift.max() < 2e-3 * published["largest drag"]
