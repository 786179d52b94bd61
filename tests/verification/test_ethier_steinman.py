"""Orders of both element pairs in space and time for a three-dimensional flow with an exact solution."""

import pytest

from tests.verification.convergence import observed_orders
from tests.verification.ethier_steinman import alternating_steps, equal_steps, solve


@pytest.fixture(scope="module")
def quadratic():
    """P2–P1 on three meshes, with time steps whose error is far below that of the meshes."""
    return [solve("P2-P1", cells, equal_steps(80)) for cells in (8, 12, 16)]


@pytest.fixture(scope="module")
def linear():
    """P1–P1 with the Courant number kept."""
    return [solve("P1-P1", cells, equal_steps(2 * cells, 0.4)) for cells in (8, 16, 24)]


def test_quadratic_velocity_and_pressure_in_space(quadratic):
    assert observed_orders(quadratic, "velocity") == pytest.approx([3.0, 3.0], abs=0.15)
    assert observed_orders(quadratic, "pressure")[-1] == pytest.approx(2.0, abs=0.15)
    assert quadratic[-1].velocity < 1.2e-4
    assert quadratic[-1].pressure < 6e-3


def test_quadratic_traction_from_the_momentum_balance_in_space(quadratic):
    """Two, as the pressure: the residual that gives the traction holds the pressure's error too."""
    assert observed_orders(quadratic, "wall_shear") == pytest.approx([2.0, 2.0], abs=0.15)
    assert quadratic[-1].wall_shear < 0.013


def test_linear_velocity_and_pressure_with_time_steps_as_the_mesh(linear):
    assert observed_orders(linear, "velocity") == pytest.approx([2.0, 2.0], abs=0.15)
    assert observed_orders(linear, "pressure") == pytest.approx([2.0, 2.0], abs=0.15)
    assert linear[-1].velocity < 3e-3
    assert linear[-1].pressure < 0.065


def test_linear_traction_from_the_momentum_balance(linear):
    """Between 3/2, which theory gives for linear elements, and 2."""
    orders = observed_orders(linear, "wall_shear")
    assert all(1.5 < order < 2.0 for order in orders)
    assert linear[-1].wall_shear < 0.035


@pytest.mark.parametrize("steps", [equal_steps, alternating_steps])
def test_quadratic_in_time(steps):
    """Two for the velocity; at least 3/2 for the pressure (Guermond & Shen, DOI 10.1090/S0025-5718-03-01621-1)."""
    rows = [solve("P2-P1", 12, steps(count, 0.4)) for count in (8, 16)]
    assert observed_orders(rows, "velocity", against="dt") == pytest.approx([2.0], abs=0.15)
    assert observed_orders(rows, "pressure", against="dt")[0] > 1.5
    assert rows[-1].velocity < 2.5e-3
