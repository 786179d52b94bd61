"""Flow around a cylinder at Re 20 (DFG 2D-1, 3D-1Z): drag, lift, pressure difference against the published values."""

import numpy as np
import pytest

from tests.verification.channel_mesh import HEIGHT, LENGTHS
from tests.verification.dfg import DFG_2D1, DFG_2D2, DFG_3D1Z, DFG_3D3Z, Series, last_cycle, run_steady

QUANTITIES = ("drag", "lift", "pressure_difference")


def relative_errors(benchmark, result):
    return {
        name: getattr(result.coefficients, name) / benchmark.published[name].value - 1.0
        for name in QUANTITIES
    }


@pytest.fixture(scope="module")
def plane():
    """Errors on three meshes, by the kind of cells at the cylinder."""
    return {
        curved: [relative_errors(DFG_2D1, run_steady(DFG_2D1, n, curved=curved)) for n in (8, 16, 32)]
        for curved in (False, True)
    }


def test_2d1_with_curved_cells(plane):
    errors = plane[True][-1]
    assert abs(errors["drag"]) < 1e-5
    assert abs(errors["lift"]) < 2e-4
    assert abs(errors["pressure_difference"]) < 2e-3


def test_2d1_with_straight_cells(plane):
    errors = plane[False][-1]
    assert abs(errors["drag"]) < 3e-4
    assert abs(errors["lift"]) < 3e-3
    assert abs(errors["pressure_difference"]) < 2e-3


def test_2d1_drag_converges_twice_as_fast_with_curved_cells(plane):
    """The polygon is a cylinder of another size, by O(h²); the parabolas leave the O(h⁴) of the reaction."""
    orders = {
        curved: np.log2(abs(errors[-2]["drag"] / errors[-1]["drag"])) for curved, errors in plane.items()
    }
    assert orders[False] == pytest.approx(2.0, abs=0.15)
    assert orders[True] > 3.5


@pytest.mark.slow
def test_3d1z_on_a_coarse_mesh():
    """Half of the channel, 6 cells across, 5,616 curved tetrahedra; the lift is a 650th of the drag."""
    found = run_steady(DFG_3D1Z, 6, curved=True, half=True, layers=4).coefficients
    published = {name: DFG_3D1Z.published[name].value for name in QUANTITIES}
    assert found.drag == pytest.approx(published["drag"], rel=0.01)
    assert found.lift == pytest.approx(published["lift"], abs=0.001 * published["drag"])
    assert found.pressure_difference == pytest.approx(published["pressure_difference"], rel=0.06)


@pytest.mark.parametrize("benchmark_case", [DFG_2D1, DFG_2D2, DFG_3D1Z, DFG_3D3Z], ids=lambda case: case.name)
def test_inflow_has_the_mean_velocity_that_the_coefficients_refer_to(benchmark_case):
    """2/3 of the peak in 2D, 4/9 in 3D, where the inflow that varies is at its greatest; none beyond the inlet."""
    middles = (np.arange(400) + 0.5) / 400.0 * HEIGHT
    axes = np.meshgrid(*[middles] * (benchmark_case.dimension - 1), indexing="ij")
    x = np.stack([np.zeros(axes[0].size), *(axis.ravel() for axis in axes)], axis=1)
    t = 0.5 * benchmark_case.duration if benchmark_case.duration is not None else 3.0
    assert benchmark_case.wall_velocity(x, t)[:, 0].mean() == pytest.approx(benchmark_case.mean, rel=1e-4)
    x[:, 0] = LENGTHS[benchmark_case.dimension] / 2.0
    assert not benchmark_case.wall_velocity(x, t).any()


def test_last_cycle_of_a_known_wave():
    """Lift 0.1 + cos at 3 Hz, drag 3.2 + 0.03 cos at twice that, sampled so that no sample meets an extremum."""
    t = 0.0031 + 0.004 * np.arange(400)
    phase = 2.0 * np.pi * 3.0 * t
    series = Series(
        times=t,
        drag=3.2 + 0.03 * np.cos(2.0 * phase),
        lift=0.1 + np.cos(phase),
        pressure_difference=2.5 + 0.1 * np.cos(phase),
    )
    found = last_cycle(DFG_2D2, series)
    assert found.strouhal == pytest.approx(0.3, rel=1e-4)
    assert (found.largest_drag, found.smallest_drag) == pytest.approx((3.23, 3.17), abs=1e-4)
    assert (found.largest_lift, found.smallest_lift) == pytest.approx((1.1, -0.9), abs=1e-4)
    assert found.pressure_difference == pytest.approx(2.4, abs=1e-3)
