"""A simulation of a short tube that takes a second, as the folder that the solver is given."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from lumped.circuit_file import write_circuit
from lumped.windkessel import Windkessel, WindkesselBank
from planning.solver.request import SolveRequest, write_request
from tests.cfd.tube_mesh import TubeMesh, tube_mesh

PERIOD, STEPS, FLOW = 0.4, 20, 2e-6

REQUEST = SolveRequest(
    variant="tube",
    proximal="inlet",
    distal="outlet",
    mesh="mesh",
    circuit="circuit.json",
    inflow="inflow.csv",
    period=PERIOD,
    cycles=2,
    time_step=PERIOD / STEPS,
    output_interval=0.1,
    density=1060.0,
    viscosity=0.004,
    thinning=False,
    elements="P1-P1",
    convection="semi-implicit",
    courant=None,
    stabilise=True,
    periodic_tolerance=0.02,
)


def write_solve(folder: Path, *, mesh: TubeMesh | None = None, **changes: object) -> Path:
    """Write a sound request with its mesh, circuit and inflow; some of its values changed, as they are."""
    (mesh or tube_mesh()).write(folder / "mesh")
    phases = np.linspace(0.0, 1.0, 40, endpoint=False)
    write_inflow(folder, phases, FLOW * (1.0 - np.cos(2.0 * np.pi * phases)))
    write_resistance(folder, 1e9)
    path = folder / "solve.json"
    write_request(path, REQUEST)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return path


def write_inflow(folder: Path, phases: np.ndarray, flows: np.ndarray) -> None:
    np.savetxt(folder / "inflow.csv", np.column_stack([phases, flows]), delimiter=",")


def write_resistance(
    folder: Path, resistance: float, outlet: str = "outlet", compliance: float = 2e-10
) -> None:
    windkessel = Windkessel(
        proximal_resistance=0.1 * resistance,
        compliance=compliance,
        distal_resistance=resistance,
        distal_pressure=0.0,
    )
    bank = WindkesselBank(
        ports=(outlet,), windkessels=(windkessel,), start_pressures=(3e3,), start_flows=(0.0,)
    )
    write_circuit(folder / "circuit.json", bank)
