"""What is collected over the last cardiac cycle: mean fields, fields at peak systole, wall shear stress, energy."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from cfd.energy import EnergyBalance, EnergyBudget
from cfd.flow_state import FlowState, StepReport
from cfd.fractional_step import FractionalStep
from cfd.wall_indices import WallIndices, wall_indices
from cfd.wall_shear import WallShear
from hemoplan.arrays import FloatArray

SAMPLE_EVERY = 8
"""Default of `CycleStatistics`: for the usual 600 steps of a cycle, that is 75 samples."""
SERIES = 24
"""The wall shear stress of at most so many, and more than half as many, evenly spaced times of the cycle is kept."""
ENERGY_TERMS = tuple(field.name for field in fields(EnergyBalance))
PHASES = 8
"""Phases of the cycle at which the wall shear stress is given."""


class CycleStatistics:
    """Running sums over the steps of one cycle.

    Mean fields and the power through the openings take every step; wall shear stress and dissipation take every
    `sample_every`-th, from the first. The phases are those of this one cycle, not means over several: that they repeat
    is what the health of a run says of its periodicity.

    Args:
        stepper: The stepper whose steps are collected.
        peak_step: The step of the cycle, counted from 1, at which the inflow is largest; found on the way if None, as
            where the circuit gives the inflow.
        sample_every: Steps between two evaluations of the wall shear stress, of the energy budget and of the Courant
            number; fewer where a cycle has few steps.

    Attributes:
        nodal: Sums and snapshots over the local mesh vertices, by name; all that a checkpoint must keep, with
            `scalars`.
        scalars: Sums and maxima, by name.
        wall_shear: Recovers the wall shear stress.
    """

    def __init__(
        self, stepper: FractionalStep, *, peak_step: int | None, sample_every: int = SAMPLE_EVERY
    ) -> None:
        self._stepper = stepper
        self._peak_step = peak_step
        self._sample_every = sample_every
        self.wall_shear = WallShear(stepper)
        self._energy = EnergyBudget(stepper)
        n = stepper.vertices.nodes
        self.nodal: dict[str, FloatArray] = {
            "velocity": np.zeros((n, 3)),
            "pressure": np.zeros(n),
            "wss": np.zeros((n, 3)),
            "wss_magnitude": np.zeros(n),
            "wss_series": np.zeros((n, SERIES, 3)),
            "peak_velocity": np.zeros((n, 3)),
            "peak_pressure": np.zeros(n),
            "peak_wss": np.zeros((n, 3)),
        }
        self.scalars: dict[str, float] = {
            "steps": 0.0,
            "samples": 0.0,
            "series_stride": 1.0,
            "cfl_max": 0.0,
            "speed_max": 0.0,
            "start": 0.0,
            "end": 0.0,
            "kinetic_start": 0.0,
            "kinetic_end": 0.0,
            "largest_inflow": -np.inf,
        }
        for name in ENERGY_TERMS:
            self.scalars |= {f"{name}_{part}": 0.0 for part in ("sum", "first", "last")}
        for port in stepper.ports:
            names = ("power", "flow", "largest_flow", "total_pressure")
            self.scalars |= {f"{name}.{port}": 0.0 for name in names}

    def add(self, state: FlowState, report: StepReport) -> None:
        """Add one step of the last cycle. Collective."""
        scalars, nodal = self.scalars, self.nodal
        scalars["steps"] += 1.0
        step = round(scalars["steps"])
        velocity = self._stepper.at_vertices(state.velocity)
        nodal["velocity"] += velocity
        nodal["pressure"] += state.pressure
        self._add_kinetic(state)
        powers = self._energy.outward_powers(state, report)
        self._add_ports(powers, report)
        due, peak = (step - 1) % self._sample_every == 0, self._is_peak(step, report)
        shear = self.wall_shear.compute(state) if due or peak else np.zeros((0, 3))
        if peak:
            nodal["peak_velocity"] = velocity.copy()
            nodal["peak_pressure"] = state.pressure.copy()
            nodal["peak_wss"] = shear
        if due:
            self._add_shear(shear)
            self._add_energy(state)
            self._add_extremes(state)
            scalars["samples"] += 1.0

    def _is_peak(self, step: int, report: StepReport) -> bool:
        """Whether this is the step of the largest inflow, so far if it is not known beforehand."""
        entrances = [patch.name for patch in self._stepper.elements.domain.entrances]
        inflow = -sum(float(report.flows[self._stepper.ports.index(name)]) for name in entrances)
        rising = inflow > self.scalars["largest_inflow"]
        if rising:
            self.scalars["largest_inflow"] = inflow
        return rising if self._peak_step is None else step == self._peak_step

    def mean(self, name: str) -> FloatArray:
        """Mean over the cycle of a summed node array."""
        count = self.scalars["samples" if name.startswith("wss") else "steps"]
        return np.asarray(self.nodal[name] / max(count, 1.0), dtype=np.float64)

    def mean_power(self) -> float:
        """Mean flux of p + rho |u|²/2 into the domain, less what is stored as kinetic energy [W]."""
        supply = -sum(self.scalars[f"power.{port}"] for port in self._stepper.ports)
        return supply / max(self.scalars["steps"], 1.0) - self._storage()

    def mean_balance(self) -> EnergyBalance:
        """Mean of every term of the energy budget [W]."""
        return EnergyBalance(**{name: self._sampled_mean(name) for name in ENERGY_TERMS})

    def mean_dissipation(self) -> tuple[float, float]:
        """Mean viscous dissipation and numerical losses [W]."""
        balance = self.mean_balance()
        return balance.viscous, balance.numerical

    def energy_residual(self) -> float:
        """Share of the dissipation that the energy budget does not account for."""
        balance = self.mean_balance()
        lost = balance.viscous + balance.numerical
        return balance.residual / lost if lost > 0.0 else 0.0

    def total_pressures(self, port: str) -> tuple[float, float]:
        """Flow-averaged p + rho |u|²/2 at an opening [Pa]: over the cycle, and at the instant of its largest flow."""
        flow = self.scalars[f"flow.{port}"]
        mean = self.scalars[f"power.{port}"] / flow if flow != 0.0 else 0.0
        return mean, self.scalars[f"total_pressure.{port}"]

    def wall_indices(self) -> WallIndices:
        """Indices of the wall shear stress at the local mesh vertices, zero away from the wall."""
        count, positions = self._series_positions()
        gaps = np.diff(positions, append=positions[:1] + max(self.scalars["steps"], 1.0))
        weights = 0.5 * (gaps + np.roll(gaps, 1)) / gaps.sum()
        return wall_indices(
            self.mean("wss"), self.mean("wss_magnitude"), self.nodal["wss_series"][:, :count], weights
        )

    def shear_at_phase(self, phase: float) -> FloatArray:
        """(n, 3) wall shear stress at a share of the cycle, from 0 up to 1, between the times that were kept [Pa]."""
        count, positions = self._series_positions()
        steps = max(self.scalars["steps"], 1.0)
        place = phase * steps if phase * steps >= positions[0] else (1.0 + phase) * steps
        after = int(np.searchsorted(positions, place, side="right"))
        left, right = after - 1, after % count
        gap = positions[right] - positions[left] + (steps if after == count else 0.0)
        share = (place - positions[left]) / gap
        series = self.nodal["wss_series"]
        return np.asarray((1.0 - share) * series[:, left] + share * series[:, right])

    def _series_positions(self) -> tuple[int, FloatArray]:
        """Number of times at which the wall shear stress was kept, and their steps of the cycle."""
        stride = self.scalars["series_stride"]
        count = max(1, int((self.scalars["samples"] - 1.0) // stride) + 1)
        return count, 1.0 + self._sample_every * stride * np.arange(count)

    def _add_ports(self, powers: FloatArray, report: StepReport) -> None:
        for port, power, flow in zip(self._stepper.ports, powers, report.flows, strict=True):
            self.scalars[f"power.{port}"] += float(power)
            self.scalars[f"flow.{port}"] += float(flow)
            if abs(flow) > self.scalars[f"largest_flow.{port}"]:
                self.scalars[f"largest_flow.{port}"] = abs(float(flow))
                self.scalars[f"total_pressure.{port}"] = float(power / flow)

    def _add_shear(self, shear: FloatArray) -> None:
        """Sums, and the series: when it is full, every other time is dropped and the stride doubles."""
        nodal = self.nodal
        nodal["wss"] += shear
        nodal["wss_magnitude"] += np.linalg.norm(shear, axis=1)
        series, sample = nodal["wss_series"], round(self.scalars["samples"])
        stride = round(self.scalars["series_stride"])
        if sample == SERIES * stride:
            series[:, : SERIES // 2] = series[:, ::2].copy()
            stride *= 2
            self.scalars["series_stride"] = float(stride)
        if sample % stride == 0:
            series[:, sample // stride] = shear

    def _add_kinetic(self, state: FlowState) -> None:
        """Kinetic energy at the beginning of the cycle and now."""
        scalars, first = self.scalars, self.scalars["steps"] == 1.0
        if first:
            scalars["start"] = state.time - state.dt
            scalars["kinetic_start"] = self._energy.kinetic(state.previous_velocity)
        scalars["end"], scalars["kinetic_end"] = state.time, self._energy.kinetic(state.velocity)

    def _add_energy(self, state: FlowState) -> None:
        balance = self._energy.balance_at(state)
        for name in ENERGY_TERMS:
            power = getattr(balance, name)
            self.scalars[f"{name}_sum"] += power
            self.scalars[f"{name}_last"] = power
            if self.scalars["samples"] == 0.0:
                self.scalars[f"{name}_first"] = power

    def _add_extremes(self, state: FlowState) -> None:
        stepper, scalars = self._stepper, self.scalars
        scalars["cfl_max"] = max(scalars["cfl_max"], stepper.courant_number(state.velocity, state.dt))
        speed = float(np.linalg.norm(state.velocity, axis=1).max(initial=0.0))
        speeds = stepper.elements.domain.comm.allgather(speed)
        scalars["speed_max"] = max(scalars["speed_max"], *speeds)

    def _sampled_mean(self, name: str) -> float:
        """Mean over the cycle of a sampled term, by the trapezoidal rule of a periodic function [W]."""
        scalars = self.scalars
        steps, ends = max(scalars["steps"], 1.0), scalars[f"{name}_first"] + scalars[f"{name}_last"]
        # From the last sample to the first one of the next cycle there may be fewer steps.
        missing = self._sample_every * scalars["samples"] - steps
        return (self._sample_every * scalars[f"{name}_sum"] - 0.5 * missing * ends) / steps

    def _storage(self) -> float:
        """Mean rate of change of the kinetic energy [W]."""
        scalars = self.scalars
        elapsed = scalars["end"] - scalars["start"]
        return (scalars["kinetic_end"] - scalars["kinetic_start"]) / elapsed if elapsed > 0.0 else 0.0
