"""Run a pulsatile tube behind a circuit: `python -m tests.cfd.tube_program OUT PAIR CIRCUIT [RESUME]`.

The circuit is `windkessel`, with a prescribed inflow, or `circulation`, a newborn's heart with both ends as
its ports. Started by the tests on several numbers of ranks. With RESUME, the first half is run and saved, and the
second half is run by new objects that read the file RESUME.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from mpi4py import MPI

from cfd.checkpoint import read_checkpoint, write_checkpoint
from cfd.cycle_statistics import CycleStatistics
from cfd.fluid import Fluid
from cfd.mesh_order import state_order
from cfd.simulation import Moment, Simulation
from cfd.stepper import DEFAULTS, ElementPair, build_stepper
from hemoplan.errors import InterruptedRunError
from hemoplan.waveform import Waveform
from lumped.circulation.beat import with_period
from lumped.circulation.file import circulation_from
from lumped.engine.boundary import CirculationBoundary
from lumped.engine.build import build as build_model
from lumped.windkessel import Windkessel, WindkesselBank
from tests.cfd.tube import tube

PERIOD, FLOW = 0.4, 1e-6
STEPS = {"windkessel": 20, "circulation": 60}
FLUID = Fluid(density=1060.0, viscosity=0.004)


def tight(pair):
    return replace(DEFAULTS[pair], velocity_tolerance=1e-10, pressure_tolerance=1e-12)


def build(pair, circuit="windkessel"):
    return build_circulation(pair) if circuit == "circulation" else build_windkessel(pair)


def build_circulation(pair):
    table = {
        "extends": "term_newborn",
        "remove": ["isthmus"],
        "ports": {"inlet": {"node": "aortic_arch"}, "outlet": {"node": "descending_aorta"}},
    }
    model = build_model(with_period(circulation_from(table, Path("newborn.toml")), PERIOD))
    domain = tube(3e-3, 12e-3, 6, 6).with_ports(("inlet", "outlet"))
    return build_stepper(domain, FLUID, pair, tight(pair)), CirculationBoundary(model=model), {}


def build_windkessel(pair):
    stepper = build_stepper(tube(2e-3, 8e-3, 6, 8), FLUID, pair, tight(pair))
    windkessel = Windkessel(
        proximal_resistance=1e8, compliance=2e-10, distal_resistance=1e9, distal_pressure=0.0
    )
    circuit = WindkesselBank(
        ports=("outlet",), windkessels=(windkessel,), start_pressures=(3e3,), start_flows=(0.0,)
    )
    times = np.linspace(0.0, PERIOD, 50, endpoint=False)
    inflow = Waveform(times, FLOW * (1.0 - np.cos(2 * np.pi * times / PERIOD)), PERIOD)
    return stepper, circuit, inflow


def main(out: Path, pair: ElementPair, name: str, resume: Path | None) -> None:
    stepper, circuit, inflow = build(pair, name)
    steps = STEPS[name]
    statistics = CycleStatistics(stepper, peak_step=steps // 2)
    moments: list[Moment] = []

    def collect(moment: Moment) -> None:
        moments.append(moment)
        if moment.cycle == 2:
            statistics.add(moment.state, moment.report)

    simulation = Simulation(
        stepper, circuit, inflow, dt=PERIOD / steps, cycles=2, period=PERIOD, callbacks=[collect]
    )
    state, step = stepper.initial_state(circuit), 0
    if resume is not None:
        simulation = Simulation(
            stepper,
            circuit,
            inflow,
            dt=PERIOD / steps,
            cycles=2,
            period=PERIOD,
            callbacks=[collect],
            interrupted=lambda: len(moments) == 3 * steps // 2,
        )
        try:
            simulation.run(state)
        except InterruptedRunError:
            write_checkpoint(
                resume,
                state_order(stepper),
                moments[-1].state,
                step=3 * steps // 2,
                record=simulation.record,
                statistics=statistics,
                statistics_cycle=2,
                fingerprint="a",
            )
        stepper, circuit, inflow = build(pair, name)
        statistics = CycleStatistics(stepper, peak_step=steps // 2)
        order = state_order(stepper)
        assert read_checkpoint(resume, order, fingerprint="another", statistics=statistics) is None
        checkpoint = read_checkpoint(resume, order, fingerprint="a", statistics=statistics)
        assert checkpoint is not None
        state, step = checkpoint.state, checkpoint.step
        simulation = Simulation(
            stepper, circuit, inflow, dt=PERIOD / steps, cycles=2, period=PERIOD, callbacks=[collect]
        )
        simulation.record = checkpoint.record
    simulation.run(state, first_step=step)
    history = simulation.history()
    indices = statistics.wall_indices()
    order = state_order(stepper).vertices
    fields = {
        "tawss": order.gather(indices.tawss),
        "osi": order.gather(indices.osi),
        "transwss": order.gather(indices.transwss),
        "wss_phase": order.gather(statistics.shear_at_phase(0.375)),
    }
    if MPI.COMM_WORLD.rank == 0:
        np.savez(out, pressures=history.pressures, flows=history.flows, **fields)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]) if len(sys.argv) > 4 else None)
