"""Unsteady flow around a cylinder (DFG 2D-2, 2D-3) with the P2–P1 pressure correction, against published values."""

import pytest

from tests.verification.dfg import DFG_2D2, DFG_2D3, last_cycle, peak
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
