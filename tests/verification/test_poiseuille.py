"""Steady developed flow in a tube and a channel: exact where the elements hold the parabola, else of second order."""

import pytest

from tests.verification.convergence import observed_orders
from tests.verification.poiseuille import Wall, channel_errors, solve


def test_quadratic_elements_hold_the_parabola_of_a_channel():
    velocity, pressure = channel_errors(4)
    assert velocity < 1e-9
    assert pressure < 1e-9


def test_quadratic_elements_hold_the_parabola_of_a_tube():
    row = solve("P2-P1", 4, Wall.EXACT)
    assert row.velocity < 1e-9
    assert row.pressure < 1e-9


def test_the_facets_of_the_wall_limit_quadratic_elements_to_second_order():
    rows = [solve("P2-P1", rings, Wall.FACETED) for rings in (3, 4, 6)]
    assert observed_orders(rows, "velocity") == pytest.approx([2.0, 2.0], abs=0.15)
    assert observed_orders(rows, "pressure") == pytest.approx([2.0, 2.0], abs=0.15)
    assert rows[-1].velocity < 6e-3
    assert rows[-1].pressure < 0.02


def test_linear_elements_have_second_order():
    rows = [solve("P1-P1", rings, Wall.FACETED) for rings in (4, 6, 8)]
    assert observed_orders(rows, "velocity") == pytest.approx([2.0, 2.0], abs=0.15)
    assert rows[-1].velocity < 0.01
    assert rows[-1].pressure < 1e-3
    assert observed_orders(rows, "wall_shear")[-1] > 1.0
    assert rows[-1].wall_shear < 0.02
