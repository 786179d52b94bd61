"""Blood as a Carreau–Yasuda fluid in a tube, against the exact profile."""

import pytest

from tests.verification.convergence import observed_orders
from tests.verification.shear_thinning import SPEED, WALL_SHEAR, solve


def test_the_fluid_thins_in_this_flow():
    """Less than half as fast as a Newtonian fluid with blood's viscosity at high shear, 0.058 m/s on the axis."""
    assert float(SPEED(0.0)) == pytest.approx(0.0267, rel=0.01)
    assert pytest.approx(0.2) == WALL_SHEAR


def test_linear_elements():
    rows = [solve("P1-P1", rings) for rings in (4, 6, 8)]
    assert observed_orders(rows, "velocity") == pytest.approx([2.0, 2.0], abs=0.15)
    assert observed_orders(rows, "wall_shear") == pytest.approx([2.0, 2.0], abs=0.15)
    assert rows[-1].velocity < 0.012
    assert rows[-1].pressure < 1e-3
    assert rows[-1].wall_shear < 2.5e-3


def test_quadratic_elements():
    rows = [solve("P2-P1", rings) for rings in (3, 4, 6)]
    assert observed_orders(rows, "velocity") == pytest.approx([3.0, 3.0], abs=0.15)
    assert rows[-1].velocity < 2.5e-4
    assert rows[-1].pressure < 1e-3
    assert rows[-1].wall_shear < 5e-3
