"""Saving and resuming a simulation: one file in the order of the mesh file, so that the number of ranks may change."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cfd.collective import raise_everywhere
from cfd.cycle_statistics import CycleStatistics
from cfd.fractional_step import FlowState
from cfd.mesh_order import MeshOrder
from cfd.simulation import Record
from hemoplan.arrays import FloatArray
from hemoplan.errors import HemoplanError, ResourceError

NODE_ARRAYS = ("velocity", "previous_velocity", "pressure", "pressure_gradient", "free_pressure")


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
    order: MeshOrder,
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
    content: dict[str, FloatArray | None] = {name: order.gather(getattr(state, name)) for name in NODE_ARRAYS}
    if statistics_cycle:
        content |= {f"nodal_{name}": order.gather(values) for name, values in statistics.nodal.items()}
    error = None
    if order.comm.rank == 0:
        arrays = {name: values for name, values in content.items() if values is not None}
        arrays |= {f"scalar_{name}": np.array(value) for name, value in statistics.scalars.items()}
        arrays |= {
            "circuit": state.circuit,
            "port_pressures": state.port_pressures,
            "time": np.array(state.time),
            "starting": np.array(state.starting),
            "step": np.array(step),
            "statistics_cycle": np.array(statistics_cycle),
            "fingerprint": np.array(fingerprint),
            "record_pressures": np.array(record.pressures),
            "record_flows": np.array(record.flows),
            "record_uncorrected_flows": np.array(record.uncorrected_flows),
            "record_iterations": np.array([record.velocity_iterations, record.pressure_iterations]),
        }
        error = _save(path, arrays)
    raise_everywhere(order.comm, error)


def _save(path: Path, arrays: dict[str, FloatArray]) -> ResourceError | None:
    temporary = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        return ResourceError(
            "cannot write the checkpoint",
            where=str(path),
            value=error.strerror,
            remedy="free some disk space; the last complete checkpoint is kept, and the same command resumes from it",
        )
    return None


def read_checkpoint(
    path: Path, order: MeshOrder, *, fingerprint: str, statistics: CycleStatistics
) -> Checkpoint | None:
    """Read a checkpoint, or None where there is none or it belongs to another request. Collective.

    The statistics' sums are restored in place.
    """
    arrays = _load(path) if order.comm.rank == 0 else None
    usable = arrays is not None and str(arrays["fingerprint"]) == fingerprint
    if not order.comm.bcast(usable):
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
    fields = {name: order.distribute(None if arrays is None else arrays[name]) for name in NODE_ARRAYS}
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
        starting=bool(small["starting"]),
        **fields,
    )
    return Checkpoint(state=state, step=int(small["step"]), record=record, statistics_cycle=cycle)


def read_velocity(path: Path, order: MeshOrder) -> FloatArray:
    """(n, 3) the velocity of a checkpoint on the same mesh, to start another run from. Collective.

    Raises:
        HemoplanError: There is no such checkpoint, or it is of another mesh.
    """
    arrays = _load(path) if order.comm.rank == 0 else None
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
    return name in NODE_ARRAYS or name.startswith("nodal_")


def _load(path: Path) -> dict[str, FloatArray] | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None
