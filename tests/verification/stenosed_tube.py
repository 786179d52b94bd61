"""Pulsatile flow through a tube with a 75 % narrowing: the problem on which peers were measured too.

Tube 60 mm long, radius 4 mm; rho 1060 kg/m³, mu 0.004 Pa s; parabolic inflow Q(t) = Q0 (1 + sin(2 pi t / 0.5 s) / 2)
with a ramp over the first 50 ms; zero pressure at the outlet; start from rest; one cycle. The reference is a fine
axisymmetric Taylor–Hood solution.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import meshio
import numpy as np

from cfd.flow_state import FlowState
from cfd.fluid import Fluid
from cfd.fractional_step import FractionalStep
from hemoplan.arrays import FloatArray
from hemoplan.circuit import FixedPressures

MEAN_FLOW, PERIOD, RAMP = 7.11304e-6, 0.5, 0.05
FLUID = Fluid(density=1060.0, viscosity=0.004)
CIRCUIT = FixedPressures(("outlet",))
NORMALS = {"inlet": (-1.0, 0.0, 0.0), "outlet": (1.0, 0.0, 0.0), "wall": (0.0, 0.0, 0.0)}
PROBE = 0.05
"""Place on the axis, 20 mm behind the throat, at which the velocity is compared [m]."""


def inflow(t: float) -> float:
    """Flow into the tube [m³/s]."""
    ramp = 0.5 * (1.0 - np.cos(np.pi * t / RAMP)) if t < RAMP else 1.0
    return float(MEAN_FLOW * ramp * (1.0 + 0.5 * np.sin(2 * np.pi * t / PERIOD)))


def radius(x: FloatArray) -> FloatArray:
    """Radius of the tube at distances x from its inlet [m]: 4 mm, and 2 mm in the throat at 30 mm."""
    way = np.clip(np.abs(x - 0.03) / 0.008, 0.0, 1.0)
    return np.asarray(4e-3 - 1e-3 * (1.0 + np.cos(np.pi * way)))


def convert(source: Path, folder: Path) -> None:
    """Write a gmsh file of the tube, with the physical groups inlet, outlet and wall, in the solver's format."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DropErrors:
    """Deviation from the reference after the first 0.1 s: pressure drop (mean, rms) and velocity at the probe (rms)."""

    mean_drop: float
    rms_drop: float
    rms_velocity: float


class Comparison:
    """Collects pressure drop and axial velocity over a run, and compares them with the reference file.

    Args:
        stepper: The stepper of the run, on one or more ranks.
        reference: `reference_axisymmetric.csv`.
        axis: Coordinate along the tube.
    """

    def __init__(self, stepper: FractionalStep, reference: Path, *, axis: int = 0) -> None:
        self._comm = stepper.vertices.domain.comm
        self._stepper = stepper
        self._reference = np.genfromtxt(reference, delimiter=",", names=True)
        self._axis = axis
        distance = np.linalg.norm(stepper.vertices.coordinates - PROBE * np.eye(3)[axis], axis=1)
        local = (float(distance.min()), self._comm.rank)
        self._holder = min(self._comm.allgather(local))[1]
        self._node = int(distance.argmin())
        self._rows: list[tuple[float, float, float]] = []

    def add(self, state: FlowState, pressures: FloatArray) -> None:
        """Add a state and the mean pressures of inlet and outlet. Collective."""
        speed = float(self._stepper.at_vertices(state.velocity)[self._node, self._axis])
        speed = self._comm.bcast(speed, root=self._holder)
        self._rows.append((state.time, float(pressures[0] - pressures[1]), speed))

    def errors(self) -> DropErrors:
        """The deviations, over what has been run after 0.1 s."""
        times, drops, speeds = np.array(self._rows).T
        late = times > 0.1
        reference = self._reference
        drop = reference["pressure_inlet_Pa"] - reference["pressure_outlet_Pa"]
        exact = np.interp(times[late], reference["t_s"], drop)
        speed = np.interp(times[late], reference["t_s"], reference["u_axis_x50mm_m_s"])
        return DropErrors(
            mean_drop=float(drops[late].mean() / exact.mean() - 1.0),
            rms_drop=float(np.sqrt(((drops[late] - exact) ** 2).mean() / (exact**2).mean())),
            rms_velocity=float(np.sqrt(((speeds[late] - speed) ** 2).mean() / (speed**2).mean())),
        )
