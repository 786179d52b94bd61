"""Orders of P2–P1 in the plane, in space and in time, for the ways to treat convection and pressure."""

import pytest

from tests.verification.convergence import observed_orders
from tests.verification.taylor_green import solve


def test_orders_in_space():
    rows = [solve(cells, 400) for cells in (16, 32, 48)]
    assert observed_orders(rows, "velocity")[-1] == pytest.approx(3.0, abs=0.15)
    assert observed_orders(rows, "pressure") == pytest.approx([2.0, 2.0], abs=0.15)
    assert observed_orders(rows, "wall_shear") == pytest.approx([2.0, 2.0], abs=0.15)
    assert rows[-1].velocity < 5e-5
    assert rows[-1].pressure < 3e-3


WAYS = {
    "rotational": {},
    "plain": {"rotational": False},
    "explicit": {"convection": "explicit"},
    "explicit and plain": {"convection": "explicit", "rotational": False},
    "skew-symmetric": {"form": "skew-symmetric"},
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_velocity_in_time(way):
    rows = [solve(64, steps, **way) for steps in (10, 20, 40)]
    assert observed_orders(rows, "velocity", against="dt") == pytest.approx([2.0, 2.0], abs=0.15)
    assert rows[-1].velocity < 3e-4


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_pressure_with_time_steps_as_the_mesh(way):
    """dt and h halved together: second order in both."""
    rows = [solve(cells, cells // 4, **way) for cells in (32, 64, 128)]
    assert observed_orders(rows, "pressure")[-1] == pytest.approx(2.0, abs=0.15)
    assert rows[-1].pressure < 2e-3
