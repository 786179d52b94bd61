"""Run a pulsatile tube with a Windkessel: `python -m tests.cfd.tube_program OUT [RESUME]`.

Started by the tests on several numbers of ranks. With RESUME, the first half is run and saved, and the second
half is run by new objects that read the file RESUME.
"""

import sys
from pathlib import Path

import numpy as np
from mpi4py import MPI

from cfd.checkpoint import read_checkpoint, write_checkpoint
from cfd.cycle_statistics import CycleStatistics
from cfd.fractional_step import Fluid, FractionalStep
from cfd.elements import build_elements
from cfd.mesh_order import MeshOrder
from cfd.simulation import Moment, Simulation
from hemoplan.errors import InterruptedRunError
from hemoplan.waveform import Waveform
from lumped.windkessel import Windkessel, WindkesselBank
from tests.cfd.tube import tube

PERIOD, STEPS, FLOW = 0.4, 20, 1e-6


def build():
    elements = build_elements(tube(2e-3, 8e-3, 6, 8))
    stepper = FractionalStep(
        elements,
        Fluid(density=1060.0, viscosity=0.004),
        dt=PERIOD / STEPS,
        velocity_tolerance=1e-12,
        pressure_tolerance=1e-12,
    )
    windkessel = Windkessel(
        proximal_resistance=1e8, compliance=2e-10, distal_resistance=1e9, distal_pressure=0.0
    )
    circuit = WindkesselBank(
        ports=("outlet",), windkessels=(windkessel,), start_pressures=(3e3,), start_flows=(0.0,)
    )
    times = np.linspace(0.0, PERIOD, 50, endpoint=False)
    inflow = Waveform(times, FLOW * (1.0 - np.cos(2 * np.pi * times / PERIOD)), PERIOD)
    return elements, stepper, circuit, inflow


def main(out: Path, resume: Path | None) -> None:
    elements, stepper, circuit, inflow = build()
    statistics = CycleStatistics(stepper, peak_step=10)
    moments: list[Moment] = []

    def collect(moment: Moment) -> None:
        moments.append(moment)
        if moment.cycle == 2:
            statistics.add(moment.state, moment.report)

    simulation = Simulation(stepper, circuit, inflow, cycles=2, callbacks=[collect])
    state, step = stepper.initial_state(circuit), 0
    if resume is not None:
        simulation = Simulation(
            stepper, circuit, inflow, cycles=2, callbacks=[collect], interrupted=lambda: len(moments) == 30
        )
        try:
            simulation.run(state)
        except InterruptedRunError:
            write_checkpoint(
                resume,
                MeshOrder(elements),
                moments[-1].state,
                step=30,
                record=simulation.record,
                statistics=statistics,
                statistics_cycle=2,
                fingerprint="a",
            )
        elements, stepper, circuit, inflow = build()
        statistics = CycleStatistics(stepper, peak_step=10)
        order = MeshOrder(elements)
        assert read_checkpoint(resume, order, fingerprint="another", statistics=statistics) is None
        checkpoint = read_checkpoint(resume, order, fingerprint="a", statistics=statistics)
        assert checkpoint is not None
        state, step = checkpoint.state, checkpoint.step
        simulation = Simulation(stepper, circuit, inflow, cycles=2, callbacks=[collect])
        simulation.record = checkpoint.record
    simulation.run(state, first_step=step)
    history = simulation.history()
    tawss, osi = statistics.wall_indices()
    order = MeshOrder(elements)
    fields = {"tawss": order.gather(tawss), "osi": order.gather(osi)}
    if MPI.COMM_WORLD.rank == 0:
        np.savez(out, pressures=history.pressures, flows=history.flows, **fields)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
