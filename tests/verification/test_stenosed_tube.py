"""Pulsatile flow through a tube with a 75 % narrowing, against a fine axisymmetric Taylor–Hood solution."""

import json
from pathlib import Path

import meshio
import numpy as np
import pytest
from mpi4py import MPI

from cfd.domain import read_domain
from cfd.fractional_step import Fluid, FractionalStep
from cfd.elements import build_elements
from hemoplan.circuit import CircuitStep

MEAN_FLOW, PERIOD, RAMP = 7.11304e-6, 0.5, 0.05
NORMALS = {"inlet": (-1.0, 0.0, 0.0), "outlet": (1.0, 0.0, 0.0), "wall": (0.0, 0.0, 0.0)}


class Atmosphere:
    """Zero pressure."""

    ports = ("outlet",)

    def initial_state(self):
        return np.zeros(0)

    def step(self, state, flows, t, dt):
        return CircuitStep(np.zeros(1), np.zeros((1, 1)), state)


def inflow(t: float) -> float:
    ramp = 0.5 * (1.0 - np.cos(np.pi * t / RAMP)) if t < RAMP else 1.0
    return MEAN_FLOW * ramp * (1.0 + 0.5 * np.sin(2 * np.pi * t / PERIOD))


def convert(source: Path, folder: Path) -> None:
    """The benchmark's MSH file in the solver's format."""
    mesh = meshio.read(source)
    tags = mesh.get_cell_data("gmsh:physical", "triangle").astype(np.int32)
    meshio.write(folder / "mesh.xdmf", meshio.Mesh(mesh.points, {"tetra": mesh.get_cells_type("tetra")}))
    triangles = {"triangle": mesh.get_cells_type("triangle")}
    meshio.write(folder / "facets.xdmf", meshio.Mesh(mesh.points, triangles, cell_data={"tags": [tags]}))
    patches = [
        {
            "name": name,
            "role": name,
            "tag": int(mesh.field_data[name][0]),
            "area": 1.0,
            "centre": (0, 0, 0),
            "normal": normal,
        }
        for name, normal in NORMALS.items()
    ]
    (folder / "patches.json").write_text(json.dumps(patches))


def test_mean_pressure_drop_on_the_coarse_mesh(shared_data, tmp_path):
    """40k tetrahedra, dt 2 ms: 15 % is what the faceted throat of this mesh allows (peers' best on it: 14.5 %)."""
    convert(shared_data / "stenosed_tube" / "coarct_40k.msh", tmp_path)
    reference = np.genfromtxt(
        shared_data / "stenosed_tube" / "reference_axisymmetric.csv", delimiter=",", names=True
    )
    elements = build_elements(read_domain(MPI.COMM_WORLD, tmp_path))
    dt = 2e-3
    stepper = FractionalStep(elements, Fluid(density=1060.0, viscosity=0.004), dt=dt)
    circuit = Atmosphere()
    state = stepper.initial_state(circuit)
    drops = []
    for _ in range(round(PERIOD / dt)):
        state, report = stepper.advance(state, inflow(state.time + dt), circuit)
        assert abs(report.flows.sum()) < 1e-3 * MEAN_FLOW
        drops.append((state.time, report.pressures[0] - report.pressures[1]))
    times, values = np.array(drops).T
    late = times > 0.1
    exact = np.interp(
        times, reference["t_s"], reference["pressure_inlet_Pa"] - reference["pressure_outlet_Pa"]
    )
    assert values[late].mean() == pytest.approx(exact[late].mean(), rel=0.15)
