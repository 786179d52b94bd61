"""Saving and resuming a simulation: one file in the order of the mesh file, so that the number of ranks may change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mpi4py import MPI

from cfd.checkpoint_file import Arrays, read_newest, write_arrays
from cfd.collective import raise_everywhere
from cfd.cycle_statistics import CycleStatistics
from cfd.flow_state import FlowState
from cfd.mesh_order import MeshOrder, StateOrder
from cfd.simulation import Record
from hemoplan.arrays import FloatArray
from hemoplan.errors import HemoplanError, ResourceError

VELOCITY_ARRAYS = ("velocity", "previous_velocity")
MEMORY = "memory_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A state from which a run goes on.

    Attributes:
        state: The flow.
        step: Steps taken.
        record: Histories at the ports.
        statistics_cycle: The cycle (from 1) that the stored statistics belong to; 0 if there are none.
    """

    state: FlowState
    step: int
    record: Record
    statistics_cycle: int


def write_checkpoint(
    path: Path,
    orders: StateOrder,
    state: FlowState,
    *,
    step: int,
    record: Record,
    statistics: CycleStatistics,
    statistics_cycle: int,
    fingerprint: str,
) -> None:
    """Write a checkpoint; an earlier one is replaced only when the new one is complete. Collective.

    Raises:
        ResourceError: The disk is full or the folder cannot be written.
    """
    order = orders.vertices
    content: dict[str, FloatArray | None] = {
        name: orders.velocity.gather(getattr(state, name)) for name in VELOCITY_ARRAYS
    }
    content["pressure"] = order.gather(state.pressure)
    content |= {MEMORY + name: order.gather(values) for name, values in state.memory.items()}
    if statistics_cycle:
        content |= {f"nodal_{name}": order.gather(values) for name, values in statistics.nodal.items()}
    error = None
    if order.comm.rank == 0:
        arrays = {name: values for name, values in content.items() if values is not None}
        arrays |= {f"scalar_{name}": np.array(value) for name, value in statistics.scalars.items()}
        arrays |= {
            "circuit": state.circuit,
            "port_pressures": state.port_pressures,
            "port_offsets": state.port_offsets,
            "time": np.array(state.time),
            "dt": np.array(state.dt),
            "step": np.array(step),
            "statistics_cycle": np.array(statistics_cycle),
            "fingerprint": np.array(fingerprint),
            "record_pressures": np.array(record.pressures),
            "record_flows": np.array(record.flows),
            "record_uncorrected_flows": np.array(record.uncorrected_flows),
            "record_iterations": np.array([record.velocity_iterations, record.pressure_iterations]),
        }
        try:
            write_arrays(path, arrays)
        except ResourceError as raised:
            error = raised
    raise_everywhere(order.comm, error)


def read_checkpoint(
    path: Path,
    orders: StateOrder,
    *,
    fingerprint: str,
    statistics: CycleStatistics,
    tell: Callable[[str], None] = lambda _: None,
) -> Checkpoint | None:
    """Read the last checkpoint that is whole and belongs to the request, or None. Collective.

    The statistics' sums are restored in place.

    Args:
        path: The last checkpoint; the one before lies beside it.
        orders: The order of the node arrays in the file.
        fingerprint: Of the request.
        statistics: Of the last cycle.
        tell: Hears on rank 0 of every checkpoint that was passed over, and why.
    """

    def refusal(arrays: Arrays) -> str | None:
        if str(arrays.get("fingerprint")) != fingerprint:
            return "it belongs to another request or another mesh"
        names = {"pressure", *VELOCITY_ARRAYS}
        if arrays["statistics_cycle"]:
            names |= {f"nodal_{name}" for name in statistics.nodal}
            names |= {f"scalar_{name}" for name in statistics.scalars}
        return None if names <= set(arrays) else "another version of hemoplan has written it"

    order = orders.vertices
    arrays = _load(order.comm, lambda: read_newest(path, refusal=refusal, tell=tell))
    if not order.comm.bcast(arrays is not None):
        return None
    small = order.comm.bcast(
        None if arrays is None else {name: values for name, values in arrays.items() if not _is_nodal(name)}
    )
    cycle = int(small["statistics_cycle"])
    if cycle:
        for name in statistics.nodal:
            statistics.nodal[name] = order.distribute(None if arrays is None else arrays[f"nodal_{name}"])
        for name in statistics.scalars:
            statistics.scalars[name] = float(small[f"scalar_{name}"])

    def distribute(name: str, order: MeshOrder) -> FloatArray:
        return order.distribute(None if arrays is None else arrays[name])

    memory = order.comm.bcast([name for name in arrays or {} if name.startswith(MEMORY)])
    velocity_iterations, pressure_iterations = small["record_iterations"].tolist()
    record = Record(
        pressures=list(small["record_pressures"]),
        flows=list(small["record_flows"]),
        uncorrected_flows=list(small["record_uncorrected_flows"]),
        velocity_iterations=velocity_iterations,
        pressure_iterations=pressure_iterations,
    )
    state = FlowState(
        time=float(small["time"]),
        circuit=small["circuit"],
        port_pressures=small["port_pressures"],
        port_offsets=small["port_offsets"],
        dt=float(small["dt"]),
        **{name: distribute(name, orders.velocity) for name in VELOCITY_ARRAYS},
        pressure=distribute("pressure", order),
        memory={name.removeprefix(MEMORY): distribute(name, order) for name in memory},
    )
    return Checkpoint(state=state, step=int(small["step"]), record=record, statistics_cycle=cycle)


def read_velocity(path: Path, order: MeshOrder) -> FloatArray:
    """(n, 3) the velocity of a checkpoint on the same mesh, to start another run from. Collective.

    Raises:
        HemoplanError: There is no such checkpoint, or it is of another mesh.
    """
    arrays = _load(order.comm, lambda: read_newest(path, refusal=lambda _: None, tell=lambda _: None))
    size = 0 if arrays is None else len(arrays["velocity"])
    error = None
    if order.comm.rank == 0 and size != order.size:
        error = HemoplanError(
            "cannot start from the checkpoint",
            where=str(path),
            value=f"{size} nodes" if size else "missing or damaged",
            expected=f"{order.size} nodes",
        )
    raise_everywhere(order.comm, error)
    return order.distribute(None if arrays is None else arrays["velocity"])


def _is_nodal(name: str) -> bool:
    return name in (*VELOCITY_ARRAYS, "pressure") or name.startswith(("nodal_", MEMORY))


def _load(comm: MPI.Intracomm, read: Callable[[], Arrays | None]) -> Arrays | None:
    """What rank 0 reads, on rank 0; None elsewhere. Collective."""
    arrays, error = None, None
    if comm.rank == 0:
        try:
            arrays = read()
        except ResourceError as raised:
            error = raised
    raise_everywhere(comm, error)
    return arrays
