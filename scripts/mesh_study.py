"""How much the gradient depends on mesh and time step: the first part of a cycle on ever finer meshes of one variant.

    scripts/env python scripts/mesh_study.py runs/neonatal_coarctation --until 60

Takes surface, circuits and inflow of a finished run, and prints a table: mesh, time step, pressure difference between
the two openings that the case compares, flow through the distal one, largest speed, numerical over viscous dissipation,
CPU seconds.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from geometry.meshing.tetrahedra import tetrahedralise
from geometry.meshing.volume import write_mesh
from geometry.surfaces.remesh import remesh
from geometry.surfaces.surface import read_surface
from hemoplan.units import MMHG
from hemoplan.waveform import read_waveform
from lumped.circuit_file import read_circuit
from planning.run_folder import RunFolder, VariantFolder
from planning.solver.request import read_request

LEVELS = ((1.0, 1.0), (1.0, 0.5), (0.75, 1.0), (0.6, 1.0))
"""Factors on the case's mesh sizes and on its time step."""
SIZE, MIN_SIZE, EDGES_PER_RADIUS = 0.8e-3, 0.3e-3, 4.0


def mesh_level(surface: Path, folder: Path, factor: float) -> int:
    """Make the tetrahedra of one level; returns their number."""
    sizes = {
        "size": SIZE * factor,
        "min_size": MIN_SIZE * factor,
        "edges_per_radius": EDGES_PER_RADIUS / factor,
    }
    mesh = tetrahedralise(remesh(read_surface(surface), **sizes), **sizes)
    write_mesh(folder, mesh)
    return len(mesh.tetrahedra)


def march(variant: VariantFolder, mesh: Path, dt_factor: float, until: float) -> str:
    """Run to a time [s] and describe the flow there."""
    # After the meshes are made: gmsh holds a PETSc of its own, which complains where it finds another one's MPI.
    from mpi4py import MPI

    from cfd.domain import read_domain
    from cfd.fluid import Fluid
    from cfd.stepper import DEFAULTS, build_stepper

    request = read_request(variant.path / "solve.json")
    inflow = read_waveform(variant.inflow, request.period)
    circuit = read_circuit(variant.circuit)
    steps = math.ceil(until / (request.time_step * dt_factor) - 1e-9)
    fluid = Fluid(density=request.density, viscosity=request.viscosity)
    dt = until / steps
    stepper = build_stepper(
        read_domain(MPI.COMM_WORLD, mesh),
        fluid,
        request.elements,
        replace(
            DEFAULTS[request.elements],
            inlet_layer=fluid.oscillatory_layer(request.period),
            stabilise=request.stabilise,
        ),
    )
    state = stepper.initial_state(circuit)
    start = time.process_time()
    for _ in range(steps):
        state, report = stepper.advance(state, dt, circuit, inflow(state.time + dt))
    proximal, distal = stepper.ports.index(request.proximal), stepper.ports.index(request.distal)
    viscous, numerical = stepper.dissipation(state.velocity)
    return (
        f"{1e3 * dt:7.3g} {(report.pressures[proximal] - report.pressures[distal]) / MMHG:12.1f} "
        f"{1e6 * report.flows[distal]:11.2f} {np.linalg.norm(state.velocity, axis=1).max():9.2f} "
        f"{numerical / viscous:10.2f} {time.process_time() - start:7.0f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--variant", default="baseline")
    parser.add_argument("--until", type=float, default=60.0, help="time of the comparison [ms]")
    arguments = parser.parse_args()
    variant = RunFolder(arguments.run.resolve()).variant(arguments.variant)
    print("  tetrahedra dt [ms]  drop [mmHg] Q [mL/s]   u [m/s]  num./visc.  CPU [s]")
    with tempfile.TemporaryDirectory() as folder:
        meshes = [Path(folder) / str(level) for level in range(len(LEVELS))]
        cells = [
            mesh_level(variant.surface, mesh, level[0]) for mesh, level in zip(meshes, LEVELS, strict=True)
        ]
        for mesh, count, (_, dt_factor) in zip(meshes, cells, LEVELS, strict=True):
            print(f"{count:12,d}", march(variant, mesh, dt_factor, 1e-3 * arguments.until), flush=True)


if __name__ == "__main__":
    main()
