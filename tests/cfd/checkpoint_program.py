"""March a tube from or to a checkpoint: `python -m tests.cfd.checkpoint_program PAIR FILE [OUT]`.

Without OUT, five steps from rest are saved to FILE; with it, five steps from FILE, and the fields go to OUT. Neither
knows on how many ranks the other runs.
"""

import sys
from pathlib import Path

import numpy as np
from mpi4py import MPI

from cfd.checkpoint import read_checkpoint, write_checkpoint
from cfd.cycle_statistics import CycleStatistics
from cfd.mesh_order import state_order
from cfd.simulation import Record
from cfd.stepper import ElementPair
from tests.cfd.tube_program import build

DT, STEPS = 0.02, 5


def main(pair: ElementPair, file: Path, out: Path | None) -> None:
    stepper, circuit, inflow = build(pair)
    orders, statistics = state_order(stepper), CycleStatistics(stepper, peak_step=1)
    record, state = Record(), stepper.initial_state(circuit)
    if out is not None:
        checkpoint = read_checkpoint(file, orders, fingerprint="a", statistics=statistics)
        assert checkpoint is not None
        record, state = checkpoint.record, checkpoint.state
    for _ in range(STEPS):
        state, report = stepper.advance(state, DT, circuit, inflow(state.time + DT))
        record.add(report)
        statistics.add(state, report)
    if out is None:
        write_checkpoint(
            file,
            orders,
            state,
            step=STEPS,
            record=record,
            statistics=statistics,
            statistics_cycle=1,
            fingerprint="a",
        )
        return
    fields = {
        "velocity": orders.velocity.gather(state.velocity),
        "pressure": orders.vertices.gather(state.pressure),
        "tawss": orders.vertices.gather(statistics.wall_indices().tawss),
    }
    if MPI.COMM_WORLD.rank == 0:
        np.savez(out, flows=np.array(record.flows), pressures=np.array(record.pressures), **fields)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None)
