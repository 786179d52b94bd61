"""Carry scalars with a flow that reverses: `python -m tests.cfd.transport_program OUT PAIR`, on any number of ranks.

A tube with a prescribed sinusoidal inflow and blood behind its outlet. Scalars: `one`, which is 1 everywhere and behind
both ends; `inlet` and `outlet`, which come in by one end alone.
"""

import sys
from pathlib import Path

import numpy as np
from mpi4py import MPI

from cfd.fluid import Fluid
from cfd.mesh_order import state_order
from cfd.scalar_step import ScalarStep
from cfd.stepper import build_stepper
from hemoplan.circuit import FixedPressures
from hemoplan.tracer import FixedContents
from tests.cfd.tube import tube
from tests.cfd.tube_program import tight

RADIUS, LENGTH = 2e-3, 8e-3
FLOW, PERIOD, STEPS = 2e-6, 0.2, 24
TRACERS = ("one", "inlet", "outlet")
INSIDE = np.array([[1.0, 1.0, 0.0]])
BEHIND = np.array([[1.0, 0.0, 1.0]])


def main(out: Path, pair: str) -> None:
    stepper = build_stepper(
        tube(RADIUS, LENGTH, 4, 8), Fluid(density=1060.0, viscosity=0.004), pair, tight(pair)
    )
    circuit = FixedPressures(("outlet",))
    behind = FixedContents(ports=("outlet",), tracers=TRACERS, values=BEHIND)
    scalars = ScalarStep(stepper, behind, entering=INSIDE, diffusivity=1e-9)
    flow = stepper.initial_state(circuit)
    state = scalars.initial_state(np.array([1.0, 0.0, 0.0]))
    rows: dict[str, list[np.ndarray]] = {name: [] for name in ("amounts", "leaving", "flows", "range")}
    for step in range(1, STEPS + 1):
        inflow = FLOW * np.sin(2.0 * np.pi * step / STEPS)
        flow, report = stepper.advance(flow, PERIOD / STEPS, circuit, inflow)
        assert stepper.taken is not None
        mean = 0.5 * (state.flows + report.flows)
        state = scalars.advance(state, stepper.taken)
        comm, values = MPI.COMM_WORLD, state.concentrations
        low, high = values.min(axis=0), values.max(axis=0)
        rows["amounts"].append(scalars.amounts(state))
        rows["leaving"].append(state.leaving)
        rows["flows"].append(mean)
        low, high = np.min(comm.allgather(low), axis=0), np.max(comm.allgather(high), axis=0)
        rows["range"].append(np.array([low, high]))
    fields = state_order(stepper).vertices.gather(state.concentrations)
    if MPI.COMM_WORLD.rank == 0:
        np.savez(out, fields=fields, **{name: np.array(each) for name, each in rows.items()})


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
