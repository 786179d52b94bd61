"""Implicit coupling to a circuit: stable whatever the circuit, where the flow of the last step is not."""

import numpy as np
import pytest

from hemoplan.errors import DivergenceError
from tests.cfd.ranks import run_on_ranks
from tests.verification.coupling import CIRCUITS, DRIVE, DT, INERTANCE, STEPS, VESSEL, run

PAIRS = ("P1-P1", "P2-P1")


def expected(name: str) -> float:
    """Flow at the end of the run: of a steady state, or of a mass that is being accelerated."""
    if name in ("resistance", "no compliance"):
        return DRIVE / (101.0 * VESSEL)
    if name == "closed valve":
        return DRIVE / ((1.0 + 1e4) * VESSEL)
    # A slow start: the parabolic profile carries 4/3 of the momentum of a flat one.
    mass, resistance = (100.0 + 4.0 / 3.0) * INERTANCE, VESSEL
    return DRIVE / resistance * (1.0 - np.exp(-resistance * STEPS * DT / mass))


@pytest.mark.parametrize("name", CIRCUITS)
@pytest.mark.parametrize("pair", PAIRS)
def test_the_coupling_holds_at_every_step(pair, name):
    course = run(pair, CIRCUITS[name])
    assert course.residual < 1e-8
    assert course.flows.sum(axis=1) == pytest.approx(0.0, abs=1e-6 * np.abs(course.flows).max())
    # A hundredth of the resistance, or of the mass, is the coarse tube's own; of the closed valve's, none.
    assert course.flows[-1, 1] == pytest.approx(expected(name), rel=1e-2 if name == "closed valve" else 5e-3)
    # No overshoot grows: the last steps are as quiet as the circuit makes them.
    steps = np.diff(course.flows[-10:, 1])
    assert np.abs(steps).max() <= np.abs(np.diff(course.flows[:10, 1])).max()


@pytest.mark.parametrize("name", CIRCUITS)
def test_the_flow_of_the_last_step_makes_the_same_run_diverge(name):
    with pytest.raises(DivergenceError):
        run("P1-P1", CIRCUITS[name], lagged=True)


@pytest.mark.mpi
@pytest.mark.parametrize("name", CIRCUITS)
def test_two_ranks_take_the_same_course(name, tmp_path):
    one = run("P1-P1", CIRCUITS[name])
    run_on_ranks(2, "tests.verification.coupling", tmp_path / "two.npz", "P1-P1", name)
    two = np.load(tmp_path / "two.npz")
    scale = np.abs(one.flows).max()
    assert two["flows"] == pytest.approx(one.flows, abs=1e-5 * scale)
    assert two["pressures"] == pytest.approx(one.pressures, abs=1e-5 * np.abs(one.pressures).max())
