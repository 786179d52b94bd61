"""Pulsatile flow through a tube with a 75 % narrowing, against a fine axisymmetric Taylor–Hood solution."""

from mpi4py import MPI

from cfd.domain import read_domain
from cfd.linear_step import LinearStep
from tests.verification.stenosed_tube import CIRCUIT, FLUID, MEAN_FLOW, PERIOD, Comparison, convert, inflow


def test_mean_pressure_drop_on_the_coarse_mesh(shared_data, tmp_path):
    """40k tetrahedra, dt 2 ms: 15 % is what the faceted throat of this mesh allows (peers' best on it: 14.5 %)."""
    folder = shared_data / "stenosed_tube"
    convert(folder / "coarct_40k.msh", tmp_path)
    stepper = LinearStep(read_domain(MPI.COMM_WORLD, tmp_path), FLUID)
    comparison = Comparison(stepper, folder / "reference_axisymmetric.csv")
    state = stepper.initial_state(CIRCUIT)
    dt = 2e-3
    for _ in range(round(PERIOD / dt)):
        state, report = stepper.advance(state, dt, CIRCUIT, inflow(state.time + dt))
        assert abs(report.flows.sum()) < 1e-3 * MEAN_FLOW
        comparison.add(state, report.pressures)
    assert abs(comparison.errors().mean_drop) < 0.15
