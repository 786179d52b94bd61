"""Blood as a Carreau–Yasuda fluid in a tube, against the exact profile."""

import pytest

from tests.verification.convergence import observed_orders
from tests.verification.poiseuille import Wall
from tests.verification.shear_thinning import SPEED, STEPS, TIME_STEP, WALL_SHEAR, flow_out, solve


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


@pytest.mark.parametrize(
    ("pair", "rings", "profile", "drop"), [("P1-P1", 8, 0.006, 2e-3), ("P2-P1", 4, 2e-3, 2e-4)]
)
@pytest.mark.parametrize(("dt", "steps"), [(TIME_STEP, STEPS), (0.5, 40)], ids=["short steps", "long steps"])
def test_a_developed_flow_leaves_as_it_is(pair, rings, profile, drop, dt, steps):
    """The long steps are 26 and 6 times rho h² / mu at high shear: an explicit stress of the outlet would diverge."""
    found = flow_out(pair, rings, wall=Wall.EXACT, dt=dt, steps=steps)
    assert found.drift < 1e-3
    assert found.profile < profile
    assert abs(found.drop) < drop


@pytest.mark.parametrize(("pair", "rings"), [("P1-P1", 8), ("P2-P1", 6)])
def test_a_developed_flow_leaves_a_faceted_tube(pair, rings):
    """No slip on facets, as in every computation on a mesh: what is left is the tube being too narrow by O(h²)."""
    found = flow_out(pair, rings, wall=Wall.FACETED, dt=0.02, steps=60)
    assert found.profile < 0.01
    assert abs(found.drop) < 0.025
