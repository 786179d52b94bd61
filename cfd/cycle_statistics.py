"""What is collected over the last cardiac cycle: mean fields, fields at peak systole, wall shear stress, power."""

from __future__ import annotations

import numpy as np

from cfd.flow_state import FlowState, StepReport
from cfd.fractional_step import FractionalStep
from cfd.wall_shear import WallShear
from hemoplan.arrays import FloatArray

DISSIPATION_EVERY = 5
"""Steps between two evaluations of the dissipation and of the Courant number."""


class CycleStatistics:
    """Running sums over the steps of one cycle.

    Args:
        stepper: The stepper whose steps are collected.
        peak_step: The step of the cycle, counted from 1, at which the inflow is largest.

    Attributes:
        nodal: Sums and snapshots over local nodes, by name; all that a checkpoint must keep, with `scalars`.
        scalars: Sums and maxima, by name.
    """

    def __init__(self, stepper: FractionalStep, *, peak_step: int) -> None:
        self._stepper = stepper
        self._peak_step = peak_step
        self.wall_shear = WallShear(stepper.vertices, stepper.fluid.viscosity)
        n = stepper.vertices.nodes
        self.nodal: dict[str, FloatArray] = {
            "velocity": np.zeros((n, 3)),
            "pressure": np.zeros(n),
            "wss": np.zeros((n, 3)),
            "wss_magnitude": np.zeros(n),
            "peak_velocity": np.zeros((n, 3)),
            "peak_pressure": np.zeros(n),
            "peak_wss": np.zeros((n, 3)),
        }
        self.scalars: dict[str, float] = {
            "steps": 0.0,
            "power": 0.0,
            "viscous": 0.0,
            "numerical": 0.0,
            "dissipation_samples": 0.0,
            "cfl_max": 0.0,
            "speed_max": 0.0,
        }

    def add(self, state: FlowState, report: StepReport) -> None:
        """Add one step of the last cycle. Collective."""
        stepper, scalars, nodal = self._stepper, self.scalars, self.nodal
        comm = stepper.elements.domain.comm
        scalars["steps"] += 1.0
        velocity = stepper.at_vertices(state.velocity)
        shear = self.wall_shear.compute(velocity)
        nodal["velocity"] += velocity
        nodal["pressure"] += state.pressure
        nodal["wss"] += shear
        nodal["wss_magnitude"] += np.linalg.norm(shear, axis=1)
        scalars["power"] += stepper.kinetic_power(state.velocity, report.pressures, report.flows)
        if round(scalars["steps"]) == self._peak_step:
            nodal["peak_velocity"] = velocity.copy()
            nodal["peak_pressure"] = state.pressure.copy()
            nodal["peak_wss"] = shear
        if round(scalars["steps"]) % DISSIPATION_EVERY == 0:
            viscous, numerical = stepper.dissipation(state.velocity)
            scalars["viscous"] += viscous
            scalars["numerical"] += numerical
            scalars["dissipation_samples"] += 1.0
            scalars["cfl_max"] = max(scalars["cfl_max"], stepper.courant_number(state.velocity, state.dt))
            speeds = np.linalg.norm(state.velocity, axis=1)
            scalars["speed_max"] = max(
                scalars["speed_max"], max(comm.allgather(float(speeds.max(initial=0.0))))
            )

    def mean(self, name: str) -> FloatArray:
        """Mean over the cycle of a summed node array."""
        return np.asarray(self.nodal[name] / max(self.scalars["steps"], 1.0), dtype=np.float64)

    def mean_power(self) -> float:
        """Mean flux of p + rho |u|²/2 into the domain [W]."""
        return self.scalars["power"] / max(self.scalars["steps"], 1.0)

    def mean_dissipation(self) -> tuple[float, float]:
        """Mean viscous and numerical dissipation [W]."""
        samples = max(self.scalars["dissipation_samples"], 1.0)
        return self.scalars["viscous"] / samples, self.scalars["numerical"] / samples

    def wall_indices(self) -> tuple[FloatArray, FloatArray]:
        """(n,) time-averaged wall shear stress [Pa] and oscillatory shear index.

        TAWSS = mean |tau|, OSI = (1 - |mean tau| / mean |tau|) / 2 (He & Ku, J. Biomech. Eng. 118 (1996),
        DOI 10.1115/1.2795948).
        """
        tawss = self.mean("wss_magnitude")
        net = np.linalg.norm(self.mean("wss"), axis=1)
        osi = np.where(tawss > 0.0, 0.5 * (1.0 - net / np.maximum(tawss, 1e-30)), 0.0)
        return tawss, osi
