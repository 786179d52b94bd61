"""Pulsatile flow in a tube against its exact solution: velocity, pressure gradient and wall shear stress."""

import pytest

from tests.verification.convergence import observed_orders
from tests.verification.womersley import End, aortic, one_harmonic, solve

ALPHAS = (4.0, 8.0)


@pytest.mark.parametrize("end", list(End))
@pytest.mark.parametrize("alpha", ALPHAS)
def test_one_harmonic_with_linear_elements(alpha, end):
    """h and dt refined together."""
    results = [solve("P1-P1", one_harmonic(alpha), n, 10 * n, end=end) for n in (6, 8, 12)]
    rows = [result.row for result in results]
    assert observed_orders(rows, "velocity") == pytest.approx([2.0, 2.0], abs=0.15)
    assert all(order > 1.9 for order in observed_orders(rows, "pressure"))
    assert rows[-1].velocity < 7e-3
    assert rows[-1].pressure < 0.02
    assert abs(results[-1].gradient.amplitude) < 0.01
    assert abs(results[-1].gradient.phase) < 1.5
    assert abs(results[-1].wall_shear.amplitude) < 0.015
    assert abs(results[-1].wall_shear.phase) < 0.5


@pytest.mark.parametrize("end", list(End))
@pytest.mark.parametrize("alpha", ALPHAS)
def test_one_harmonic_with_quadratic_elements(alpha, end):
    """dt refined as h^(3/2), so that both errors of the velocity fall at third order in h."""
    results = [solve("P2-P1", one_harmonic(alpha), n, steps, end=end) for n, steps in ((3, 40), (6, 113))]
    rows = [result.row for result in results]
    assert observed_orders(rows, "velocity")[0] > 2.8
    assert observed_orders(rows, "pressure")[0] > 2.0
    assert rows[-1].velocity < 2e-3
    assert rows[-1].pressure < 0.02
    assert abs(results[-1].gradient.amplitude) < 0.01
    assert abs(results[-1].gradient.phase) < 1.5
    assert abs(results[-1].wall_shear.amplitude) < 0.015
    assert abs(results[-1].wall_shear.phase) < 1.5


@pytest.mark.parametrize("alpha", ALPHAS)
def test_ten_harmonics_of_an_aortic_waveform(alpha):
    """The last harmonic's boundary layer is a third as thick as the first one's."""
    linear = [solve("P1-P1", aortic(alpha), n, 20 * n) for n in (6, 12)]
    quadratic = [solve("P2-P1", aortic(alpha), n, steps) for n, steps in ((3, 80), (6, 226))]
    assert observed_orders([result.row for result in linear], "velocity")[0] > 1.8
    assert observed_orders([result.row for result in quadratic], "velocity")[0] > 2.6
    assert linear[-1].row.velocity < 0.022
    assert quadratic[-1].row.velocity < 0.01
    for result in (linear[-1], quadratic[-1]):
        assert result.row.pressure < 0.05
        assert abs(result.gradient.amplitude) < 0.02
        assert abs(result.wall_shear.amplitude) < 0.02
        assert abs(result.wall_shear.phase) < 1.0
