"""One run of the benchmark under MPI: prints one line of JSON. Started by benchmark_cfd.py."""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from dolfinx import mesh as dmesh
from mpi4py import MPI
from numba import njit

from cfd import linear_kernels, quadratic_kernels
from cfd.domain import Domain, read_domain
from cfd.fractional_step import FractionalStep
from cfd.stepper import build_stepper
from tests.verification.ring_tube import ring_tube
from tests.verification.stenosed_tube import CIRCUIT, FLUID, PERIOD, Comparison, convert, inflow, radius

PHASES = {
    "momentum": "_momentum_balance",
    "velocity": "_velocity_solver.solve",
    "pressure": "_pressure_step.solve",
    "step": "advance",
}
RINGS = 10


def placed_tube() -> Domain:
    """About 100,000 tetrahedra on flow-aligned rings, with layers that are thin in the throat and behind it."""
    z = np.linspace(0.0, 0.06, 6001)
    density = 1.0 / np.interp(
        z, [0.0, 0.018, 0.024, 0.030, 0.036, 0.050, 0.060], [2.5, 1.6, 0.5, 0.5, 0.5, 0.9, 2.0]
    )
    share = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    layers = round(100_000 / (18 * RINGS**2))
    heights = np.interp(np.linspace(0.0, 1.0, layers + 1), share / share[-1], z)
    return ring_tube(heights, RINGS, radius=radius, comm=MPI.COMM_WORLD)


def refined(domain: Domain) -> Domain:
    """Every tetrahedron divided in eight."""
    domain.mesh.topology.create_entities(1)
    mesh = dmesh.refine(domain.mesh, partitioner=None)[0]
    mesh.topology.create_connectivity(2, 3)
    mesh.topology.create_connectivity(2, 0)
    facets = dmesh.exterior_facet_indices(mesh.topology)
    x = dmesh.compute_midpoints(mesh, 2, facets)[:, 0]
    ends = [float(edge) for edge in (mesh.geometry.x[:, 0].min(), mesh.geometry.x[:, 0].max())]
    comm = domain.comm
    low, high = comm.allreduce(ends[0], op=MPI.MIN), comm.allreduce(ends[1], op=MPI.MAX)
    tag = {patch.name: patch.tag for patch in domain.patches}
    tags = np.full(len(facets), tag["wall"], dtype=np.int32)
    tags[x < low + 1e-7] = tag["inlet"]
    tags[x > high - 1e-7] = tag["outlet"]
    return Domain(mesh=mesh, facet_tags=dmesh.meshtags(mesh, 2, facets, tags), patches=domain.patches)


class Clock:
    """Adds up the time spent in methods of a stepper."""

    def __init__(self, stepper: FractionalStep) -> None:
        self.cpu = dict.fromkeys(PHASES, 0.0)
        self.wall = dict.fromkeys(PHASES, 0.0)
        for phase, path in PHASES.items():
            owner: Any = stepper
            *parents, name = path.split(".")
            for parent in parents:
                owner = getattr(owner, parent)
            setattr(owner, name, self._timed(phase, getattr(owner, name)))

    def _timed(self, phase: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            cpu, wall = time.process_time(), time.perf_counter()
            try:
                return method(*arguments, **named)
            finally:
                self.cpu[phase] += time.process_time() - cpu
                self.wall[phase] += time.perf_counter() - wall

        return timed


@njit
def _triad(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
    for i in range(a.size):
        a[i] = b[i] + 3.0 * c[i]


def triad(comm: MPI.Intracomm) -> float:
    """Bytes per second of a = b + 3 c over all ranks together, with arrays far larger than the caches."""
    a, b, c = (np.full(16_000_000, float(k)) for k in range(3))
    _triad(a, b, c)
    best = 0.0
    for _ in range(5):
        comm.Barrier()
        start = time.perf_counter()
        _triad(a, b, c)
        best = max(best, 24.0 * a.size / (time.perf_counter() - start))
    return float(comm.allreduce(best, op=MPI.SUM))


def bytes_moved(stepper: FractionalStep, velocity_iterations: float) -> float:
    """Bytes that momentum balance and velocity solver read and write in a step, each array once a pass."""
    elements = stepper.elements
    cells, m = elements.cells.shape
    d, n, nonzeros = elements.dimension, elements.nodes, elements.indices.size
    copy = 16 * nonzeros
    assembly = cells * (4 * m + 8 * (d + 1) * d + 8 + 4 * m * m) + 16 * nonzeros + 7 * 8 * d * n
    start = (12 + 16) * nonzeros + 6 * 8 * d * n
    iteration = 8 * nonzeros + 20 * 16 * n
    return float(copy + assembly + start + velocity_iterations * iteration)


def kernel_seconds(stepper: FractionalStep, state: Any) -> float:
    """CPU seconds of one call of the cell kernel that assembles convection."""
    elements = stepper.elements
    values, rhs = np.zeros(elements.indices.size), np.zeros_like(state.velocity)
    geometry = (elements.gradients, elements.volumes, elements.slots)
    if elements.degree == 1:
        arguments = (
            elements.cells, *geometry, FLUID.density, FLUID.viscosity / FLUID.density, 1.0, True, 0.5,
            state.velocity, state.velocity, state.velocity, state.pressure, values, rhs,
        )  # fmt: skip
        kernel: Callable[..., None] = linear_kernels.momentum
    else:
        table = stepper._convection  # type: ignore[attr-defined]
        arguments = (
            elements.cells, stepper.vertices.cells, *geometry, table, FLUID.density, True,
            state.velocity, state.pressure, values, rhs,
        )  # fmt: skip
        kernel = quadratic_kernels.convect
    best = np.inf
    for _ in range(5):
        start = time.process_time()
        kernel(*arguments)
        best = min(best, time.process_time() - start)
    return float(best)


def memory() -> float:
    """Peak of this rank's resident memory so far [bytes]."""
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(request: dict[str, Any]) -> None:
    """Run a request: data, mesh, elements, dt [s], steps (None: a whole cycle)."""
    comm = MPI.COMM_WORLD
    data = Path(request["data"])
    before, begin, begin_cpu = memory(), time.perf_counter(), time.process_time()
    placed = request["mesh"] == "placed"
    if placed:
        domain = placed_tube()
    else:
        folder = Path(comm.bcast(tempfile.mkdtemp() if comm.rank == 0 else None))
        if comm.rank == 0:
            convert(data / f"coarct_{request['mesh'].removesuffix('x8')}.msh", folder)
        comm.Barrier()
        begin, begin_cpu = time.perf_counter(), time.process_time()
        domain = read_domain(comm, folder)
        if request["mesh"].endswith("x8"):
            domain = refined(domain)
            begin, begin_cpu = time.perf_counter(), time.process_time()
    stepper = build_stepper(domain, FLUID, request["elements"])
    state = stepper.initial_state(CIRCUIT)
    setup, setup_cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    dt = request["dt"]
    stepper.advance(state, dt, CIRCUIT, inflow(dt))
    clock = Clock(stepper)
    comparison = Comparison(stepper, data / "reference_axisymmetric.csv", axis=2 if placed else 0)
    steps = request["steps"] or round(PERIOD / dt)
    iterations = np.zeros(2)
    for _ in range(steps):
        state, report = stepper.advance(state, dt, CIRCUIT, inflow(state.time + dt))
        comparison.add(state, report.pressures)
        iterations += report.velocity_iterations, report.pressure_iterations
    cells = comm.allreduce(domain.mesh.topology.index_map(3).size_local)
    moved = comm.allreduce(bytes_moved(stepper, iterations[0] / steps))
    cpu = {phase: comm.allreduce(clock.cpu[phase]) / steps for phase in PHASES}
    wall = {phase: comm.allreduce(clock.wall[phase], op=MPI.MAX) / steps for phase in PHASES}
    peak, growth = memory(), memory() - before
    bandwidth = triad(comm)
    kernel = comm.allreduce(kernel_seconds(stepper, state))
    result = {
        **request,
        "ranks": comm.size,
        "cells": cells,
        "velocity_dofs": stepper.elements.dimension * stepper.elements.space.dofmap.index_map.size_global,
        "pressure_dofs": stepper.vertices.space.dofmap.index_map.size_global,
        "steps_run": steps,
        "courant": stepper.courant_number(state.velocity, dt),
        "setup_cpu": comm.allreduce(setup_cpu),
        "setup_wall": comm.allreduce(setup, op=MPI.MAX),
        "cpu": cpu,
        "wall": wall,
        "iterations": (iterations / steps).tolist(),
        "bytes_per_cell": comm.allreduce(growth) / cells,
        "peak": comm.allreduce(peak),
        "kernel_ns": 1e9 * kernel / cells,
        "triad": bandwidth,
        "bandwidth_share": moved / (wall["momentum"] + wall["velocity"]) / bandwidth,
    }
    if state.time > 0.99 * PERIOD:
        errors = comparison.errors()
        result["errors"] = [errors.mean_drop, errors.rms_drop, errors.rms_velocity]
    if comm.rank == 0:
        print("RESULT " + json.dumps(result), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMPI_MCA_mpi_yield_when_idle", "1")
    main(json.loads(sys.argv[1]))
