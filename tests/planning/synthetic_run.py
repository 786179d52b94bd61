"""A run folder with made-up but consistent results: tubes, one of them narrow, with Poiseuille flow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvista as pv

from geometry.surfaces.surface import WALL_TAG
from hemoplan.case import Case
from hemoplan.patch import Patch, Role, write_patches
from hemoplan.results import (
    Distribution,
    FlowMetrics,
    NumericalHealth,
    PortHistory,
    PortMetrics,
    write_metrics,
    write_ports,
)
from hemoplan.units import ML_PER_MIN, MMHG
from planning.run_folder import RunFolder

LENGTH = 40e-3
RADIUS = 4e-3
PERIOD = 60.0 / 140.0
INFLOW = 850.0 * ML_PER_MIN
VISCOSITY = 4e-3
PORTS = ("ascending_aorta", "left_carotid", "descending_aorta")
THROATS = {"baseline": 1.4e-3, "stent": 3.2e-3, "patch": 2.8e-3}
GRADIENTS = {"baseline": 31.0, "stent": 6.0, "patch": 9.0}
"""Systolic pressure drop [mmHg] that each variant is given."""


def make_case() -> Case:
    """A newborn with a narrow tube for an aorta."""
    return Case.model_validate(
        {
            "name": "tubes",
            "question": "Which of two operations on the isthmus leaves the smaller gradient?",
            "patient": {
                "weight": "3.4 kg",
                "heart_rate": "140/min",
                "cuff": {
                    "systolic": "72 mmHg",
                    "diastolic": "44 mmHg",
                    "mean": "55 mmHg",
                    "site": "left_carotid",
                },
            },
            "image": {"anatomy": "anatomy.toml"},
            "segmentation": {"seed": ["0 mm", "0 mm", "0 mm"]},
            "openings": [
                {"name": "ascending_aorta", "role": "inlet", "near": ["0 mm", "0 mm", "0 mm"]},
                {"name": "left_carotid", "role": "outlet", "near": ["9 mm", "0 mm", "10 mm"]},
                {"name": "descending_aorta", "role": "outlet", "near": ["0 mm", "0 mm", "40 mm"]},
            ],
            "inflow": {"flow_per_weight": "250 mL/min/kg"},
            "outlets": {
                "left_carotid": {"flow_fraction": 0.4},
                "descending_aorta": {"flow_fraction": 0.6},
            },
            "comparison": {"proximal": "ascending_aorta", "distal": "descending_aorta"},
            "variants": [
                {"name": "baseline", "kind": "baseline"},
                {
                    "name": "stent",
                    "kind": "stent",
                    "near": ["0 mm", "0 mm", "20 mm"],
                    "diameter": "6.4 mm",
                    "length": "12 mm",
                },
                {
                    "name": "patch",
                    "kind": "patch",
                    "near": ["0 mm", "0 mm", "20 mm"],
                    "diameter": "5.6 mm",
                    "length": "15 mm",
                },
            ],
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What shall be wrong with the results of the baseline."""

    mass_imbalance: float = 2e-4
    periodicity: float = 0.008
    cuff_miss: float = 0.6
    """Systolic pressure above the cuff's [mmHg]."""


def write_run(path: Path, faults: Faults | None = None) -> RunFolder:
    """Write a whole run folder."""
    faults = faults or Faults()
    run = RunFolder(path)
    for name in THROATS:
        folder = run.variant(name)
        folder.mesh.path.mkdir(parents=True)
        folder.fields.mkdir()
        _write_fields(run, name)
        write_patches(folder.mesh.patches, _patches())
        history = _history(name, faults)
        write_ports(folder.ports, history)
        write_metrics(folder.metrics, _metrics(name, history.cycle(PERIOD, -1), faults))
        folder.mesh.quality.write_text(json.dumps({"cells": 61234}))
    run.provenance.write_text(
        json.dumps(
            {
                "command": "hemoplan run cases/tubes",
                "started": "2026-03-02T10:11:12+00:00",
                "ranks": 2,
                "versions": {"hemoplan": "0.1.0", "dolfinx": "0.9.0"},
                "inputs": {"case.toml": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
            }
        )
    )
    run.stages.write_text(json.dumps({"segment": 12.5, "mesh": 20.1, "solve": 421.0}))
    return run


def _radius(z: np.ndarray, throat: float) -> np.ndarray:
    return RADIUS - (RADIUS - throat) * np.exp(-(((z - 0.5 * LENGTH) / 4e-3) ** 2))


def _write_fields(run: RunFolder, name: str) -> None:
    throat = THROATS[name]
    folder = run.variant(name)
    disc = pv.Disc(inner=0.0, outer=1.0, r_res=6, c_res=24).triangulate().clean()
    rings = 41
    z = np.linspace(0.0, LENGTH, rings)
    flat = np.asarray(disc.points)[:, :2]
    points = np.concatenate(
        [np.column_stack([_radius(np.array(h), throat) * flat, np.full(len(flat), h)]) for h in z]
    )
    triangles = np.asarray(disc.regular_faces)
    wedges = np.concatenate(
        [np.hstack([triangles + k * len(flat), triangles + (k + 1) * len(flat)]) for k in range(rings - 1)]
    )
    grid = pv.UnstructuredGrid({pv.CellType.WEDGE: wedges}, points).triangulate()
    radius = _radius(grid.points[:, 2], throat)
    share = (np.linalg.norm(grid.points[:, :2], axis=1) / radius) ** 2
    peak = 4.0 * INFLOW
    speed = 2.0 * peak / (np.pi * radius**2) * (1.0 - share)
    slope = np.gradient(_radius(z, throat), z)
    outward = grid.points[:, :2] / radius[:, None] * np.interp(grid.points[:, 2], z, slope)[:, None]
    grid.point_data["velocity"] = np.column_stack([speed[:, None] * outward, speed])
    drop = GRADIENTS[name] * MMHG
    along = np.cumsum(_radius(z, throat) ** -4.0)
    along -= along[0]
    grid.point_data["pressure"] = 72.0 * MMHG - drop * np.interp(grid.points[:, 2], z, along / along[-1])
    grid.save(folder.peak_field)
    grid.save(folder.mean_field)
    skin = grid.extract_surface(algorithm=None)
    on_wall = np.abs(np.asarray(skin.compute_normals(point_normals=False).cell_data["Normals"])[:, 2]) < 0.95
    wall = skin.extract_cells(np.flatnonzero(on_wall))
    radius = _radius(wall.points[:, 2], throat)
    wall.point_data["tawss"] = 4.0 * VISCOSITY * INFLOW / (np.pi * radius**3)
    wall.point_data["osi"] = 0.2 * wall.points[:, 2] / LENGTH
    wall.point_data["wss_peak"] = np.zeros((wall.n_points, 3))
    wall.save(folder.wall_field)


def _patches() -> tuple[Patch, ...]:
    area = np.pi * RADIUS**2
    wall = Patch(
        name="wall", role=Role.WALL, tag=WALL_TAG, area=1e-3, centre=(0, 0, LENGTH / 2), normal=(0, 0, 0)
    )
    ends = ((PORTS[0], Role.INLET, (0, 0, 0), (0, 0, -1)), (PORTS[2], Role.OUTLET, (0, 0, LENGTH), (0, 0, 1)))
    side = (PORTS[1], Role.OUTLET, (RADIUS, 0, 0.25 * LENGTH), (1, 0, 0))
    return (
        wall,
        *(
            Patch(name=name, role=role, tag=tag, area=area, centre=centre, normal=normal)
            for tag, (name, role, centre, normal) in enumerate((ends[0], side, ends[1]), start=2)
        ),
    )


def _history(name: str, faults: Faults) -> PortHistory:
    steps = 200
    times = np.arange(1, 3 * steps + 1) * PERIOD / steps
    phase = np.arange(1, 3 * steps + 1) % steps / steps
    ejection = np.where(phase < 0.4, np.sin(np.pi * phase / 0.4) ** 2, 0.0) * 5.0
    drift = 1.0 + faults.periodicity * np.exp(-times / PERIOD + 2.0) * (name == "baseline")
    shape = 0.39 + 0.61 * np.exp(-(((phase - 0.3) / 0.17) ** 2))
    high = 44.0 + (28.0 + (faults.cuff_miss if name == "baseline" else -5.0)) * (shape - 0.39) / 0.61
    pressures = np.column_stack(
        [high, high, high - GRADIENTS[name] * np.sin(np.pi * np.minimum(phase, 0.6) / 0.6) ** 2]
    )
    share = {"baseline": 0.6, "stent": 0.68, "patch": 0.66}[name]
    inflow = INFLOW * ejection
    flows = np.column_stack([-inflow, (1.0 - share) * inflow, share * inflow])
    return PortHistory(ports=PORTS, times=times, pressures=MMHG * pressures * drift[:, None], flows=flows)


def _metrics(name: str, cycle: PortHistory, faults: Faults) -> FlowMetrics:
    ports = {
        port: PortMetrics(
            mean_pressure=float(cycle.pressure(port).mean()),
            systolic_pressure=float(cycle.pressure(port).max()),
            diastolic_pressure=float(cycle.pressure(port).min()),
            mean_flow=float(cycle.flow(port).mean()),
            mean_total_pressure=float(cycle.pressure(port).mean()) + 120.0,
            peak_total_pressure=float(cycle.pressure(port).max()) + 900.0,
        )
        for port in PORTS
    }
    drop = cycle.pressure(PORTS[0]) - cycle.pressure(PORTS[2])
    shear = 4.0 * VISCOSITY * INFLOW / np.pi
    return FlowMetrics(
        variant=name,
        period=PERIOD,
        inlet=PORTS[0],
        proximal=PORTS[0],
        distal=PORTS[2],
        ports=ports,
        flow_split={port: ports[port].mean_flow / -ports[PORTS[0]].mean_flow for port in PORTS[1:]},
        peak_to_peak_gradient=ports[PORTS[0]].systolic_pressure - ports[PORTS[2]].systolic_pressure,
        peak_gradient=float(drop.max()),
        mean_gradient=float(drop.mean()),
        power_loss=float(drop.mean()) * INFLOW,
        dissipation=0.4 * float(drop.mean()) * INFLOW,
        peak_velocity=8.0 * INFLOW / (np.pi * THROATS[name] ** 2),
        tawss=Distribution(
            mean=1.5 * shear / RADIUS**3,
            p01=shear / RADIUS**3,
            p05=shear / RADIUS**3,
            median=1.1 * shear / RADIUS**3,
            p95=0.8 * shear / THROATS[name] ** 3,
            p99=shear / THROATS[name] ** 3,
        ),
        osi=Distribution(mean=0.1, p01=0.0, p05=0.01, median=0.1, p95=0.19, p99=0.198),
        rrt=Distribution(mean=0.4, p01=0.1, p05=0.1, median=0.3, p95=1.2, p99=2.0),
        transwss=Distribution(mean=0.3, p01=0.0, p05=0.1, median=0.2, p95=0.9, p99=1.4),
        washout_time=np.pi * RADIUS**2 * LENGTH / INFLOW,
        age=Distribution(mean=0.08, p01=0.0, p05=0.01, median=0.06, p95=0.2, p99=0.3),
        health=NumericalHealth(
            cells=61234,
            vertices=12345,
            edge_min=0.22e-3,
            edge_max=0.83e-3,
            quality_min=0.21,
            time_step=0.5e-3,
            steps=2571,
            cfl_max=1.9,
            mass_imbalance_max=faults.mass_imbalance if name == "baseline" else 2e-4,
            outlet_correction_max=0.021,
            periodicity_pressure=faults.periodicity if name == "baseline" else 0.006,
            periodicity_flow=0.004,
            periodic_tolerance=0.02,
            velocity_iterations=6.2,
            pressure_iterations=8.4,
            wall_seconds=142.0,
            ranks=2,
            stabilisation_share=0.12,
            energy_residual=0.004,
        ),
    )
