"""What a simulation hands on: histories at the ports, metrics, and numerical health of the run. SI units."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import HemoplanError


@dataclass(frozen=True, slots=True, kw_only=True)
class PortHistory:
    """Pressure and flow at every port over time: inlets with a prescribed flow first, then inlets that are ports of the
    circuit, then outlets.

    Attributes:
        ports: n names of patches; `ports[0]` is the first inlet.
        times: (m,) times [s].
        pressures: (m, n) mean static pressure over the patch [Pa].
        flows: (m, n) flow out of the 3D domain [m³/s]; negative at the inlet in systole.
    """

    ports: tuple[str, ...]
    times: FloatArray
    pressures: FloatArray
    flows: FloatArray

    def pressure(self, port: str) -> FloatArray:
        """(m,) pressure at a port [Pa]."""
        return np.asarray(self.pressures[:, self.ports.index(port)])

    def flow(self, port: str) -> FloatArray:
        """(m,) flow out of the 3D domain at a port [m³/s]."""
        return np.asarray(self.flows[:, self.ports.index(port)])

    def cycle(self, period: float, index: int) -> PortHistory:
        """One cardiac cycle, counted from 0, or from the end if negative; times above 0 and up to the period.

        Raises:
            HemoplanError: The history has no such cycle.
        """
        total = round(float(self.times[-1]) / period)
        first = (index if index >= 0 else total + index) * period
        slack = 1e-6 * period
        inside = (self.times > first + slack) & (self.times <= first + period + slack)
        if not inside.any():
            raise HemoplanError(
                "the history has no such cycle",
                where="port histories",
                value=index,
                expected=f"one of the {total} cycles up to {self.times[-1]:g} s",
            )
        return PortHistory(
            ports=self.ports,
            times=self.times[inside] - first,
            pressures=self.pressures[inside],
            flows=self.flows[inside],
        )


def write_ports(path: Path, history: PortHistory) -> None:
    """Write `ports.csv`: t [s], then p [Pa] and Q [m³/s] of each port."""
    header = ["t_s"]
    columns = [history.times]
    for index, port in enumerate(history.ports):
        header += [f"p_{port}_Pa", f"Q_{port}_m3_per_s"]
        columns += [history.pressures[:, index], history.flows[:, index]]
    np.savetxt(
        path, np.column_stack(columns), delimiter=",", header=",".join(header), comments="", fmt="%.9e"
    )


def read_ports(path: Path) -> PortHistory:
    """Read `ports.csv`.

    Raises:
        HemoplanError: The file is missing or damaged.
    """
    try:
        with path.open(encoding="utf-8") as file:
            header, *rows = file.read().splitlines() or [""]
        if not rows:
            raise ValueError("no time step in it")
        table = np.loadtxt(rows, delimiter=",", ndmin=2)
        ports = tuple(name.removeprefix("p_").removesuffix("_Pa") for name in header.split(",")[1::2])
        if table.shape[1] != 1 + 2 * len(ports):
            raise ValueError(f"{table.shape[1]} columns for {len(ports)} ports")
    except (OSError, ValueError) as error:
        raise HemoplanError(
            "cannot read the port histories",
            where=str(path),
            value=error,
            remedy="run `hemoplan solve CASE` again",
        ) from error
    return PortHistory(ports=ports, times=table[:, 0], pressures=table[:, 1::2], flows=table[:, 2::2])


@dataclass(frozen=True, slots=True, kw_only=True)
class PortMetrics:
    """One port over the last cycle.

    The total pressure of an opening is the mechanical energy that a volume of blood carries through it,

        integral of (p + rho |u|²/2) u.n over the opening / integral of u.n   [Pa].

    Attributes:
        mean_pressure, systolic_pressure, diastolic_pressure: Mean, largest and smallest static pressure, averaged
            over the opening [Pa].
        mean_flow: Mean flow out of the 3D domain [m³/s].
        mean_total_pressure: Total pressure of the blood of a whole cycle [Pa].
        peak_total_pressure: Total pressure at the instant of the opening's largest flow [Pa].
    """

    mean_pressure: float
    systolic_pressure: float
    diastolic_pressure: float
    mean_flow: float
    mean_total_pressure: float
    peak_total_pressure: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Distribution of a field, weighted with the area of the wall or the volume of the lumen: mean and percentiles."""

    mean: float
    p01: float
    p05: float
    median: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericalHealth:
    """What tells whether the numbers can be trusted.

    Attributes:
        cells: Tetrahedra.
        vertices: Mesh vertices.
        edge_min, edge_max: Edge lengths [m].
        quality_min: Smallest radius ratio (3 r_in / r_out, 1 for a regular tetrahedron).
        time_step: [s].
        steps: Time steps taken in all.
        cfl_max: Largest |u| dt / h of the last cycle.
        mass_imbalance_max: Largest |sum of the flows over all ports| of one step, over the mean inflow.
        outlet_correction_max: Largest change, in the last cycle, that made the surface integral of the velocity
            at an outlet equal the flow through it, over the mean inflow; it measures how well the mesh resolves
            the flow at the outlets.
        periodicity_pressure: Largest change of a port pressure between the last two cycles, over the range of
            pressure.
        periodicity_flow: Largest change of a port flow between the last two cycles, over the range of the
            inflow.
        periodic_tolerance: What both were allowed to be.
        velocity_iterations, pressure_iterations: Mean Krylov iterations of a step.
        wall_seconds: Wall-clock time of the solve.
        ranks: MPI processes.
        stabilisation_share: Power lost to the numerical scheme (see `cfd.energy`) over the viscous dissipation, mean
            of the last cycle.
        energy_residual: What the energy budget of the last cycle leaves unexplained, (power_loss - dissipation) /
            dissipation with all terms at the same instants. Far from zero, the time step is too large or the mesh too
            coarse.
    """

    cells: int
    vertices: int
    edge_min: float
    edge_max: float
    quality_min: float
    time_step: float
    steps: int
    cfl_max: float
    mass_imbalance_max: float
    outlet_correction_max: float
    periodicity_pressure: float
    periodicity_flow: float
    periodic_tolerance: float
    velocity_iterations: float
    pressure_iterations: float
    wall_seconds: float
    ranks: int
    stabilisation_share: float
    energy_residual: float

    @property
    def periodic(self) -> bool:
        """Whether the last two cycles agree within the tolerance."""
        tolerance = self.periodic_tolerance  # a NaN fails both comparisons
        return self.periodicity_pressure <= tolerance and self.periodicity_flow <= tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowMetrics:
    """What one variant does to the circulation, over the last cycle.

    Attributes:
        variant: Name of the variant.
        period: Length of the cycle [s].
        inlet: Name of the first inlet.
        proximal, distal: The openings between which the gradient is taken.
        ports: Metrics by port.
        flow_split: Share of the mean inflow, of all openings where blood enters on average, that leaves through each
            outlet.
        peak_to_peak_gradient: Systolic pressure at the proximal opening minus systolic pressure at the distal
            one, each at its own instant [Pa]; what a catheter reports.
        peak_gradient: Largest instantaneous difference [Pa].
        mean_gradient: Mean difference [Pa].
        power_loss: Mean of (p + rho |u|²/2) carried in minus carried out, through all ports, minus the rate of change
            of the kinetic energy [W] (control volume).
        dissipation: Mean viscous dissipation in the volume, 2 mu e(u):e(u), and the losses of the numerical scheme
            [W]. Both are the same power, found in two ways; `health.energy_residual` is how far they differ.
        peak_velocity: Largest speed in the 3D domain in the last cycle [m/s].
        tawss: Time-averaged wall shear stress, mean of |tau| [Pa].
        osi: Oscillatory shear index, (1 - |mean of tau| / TAWSS) / 2, 0 to 0.5 (He & Ku, J. Biomech. Eng. 118 (1996),
            DOI 10.1115/1.2795948).
        rrt: Relative residence time, 1 / ((1 - 2 OSI) TAWSS) = 1 / |mean of tau| [1/Pa], cut off at 1,000 (Himburg et
            al., Am. J. Physiol. Heart Circ. Physiol. 286 (2004), DOI 10.1152/ajpheart.00897.2003).
        transwss: Transverse wall shear stress, mean of |tau.(n x m)| with m the direction of the mean of tau [Pa]
            (Peiffer, Sherwin & Weinberg, Cardiovasc. Res. 99 (2013), DOI 10.1093/cvr/cvt044).
        washout_time: Volume of the 3D domain over the mean inflow [s]: the mean age of the blood that leaves it.
        age: Mean age of the blood in the domain, by volume [s], an estimate from the mean flow: see `cfd.residence`.
            None where it could not be found.
        health: Numerical health.
    """

    variant: str
    period: float
    inlet: str
    proximal: str
    distal: str
    ports: Mapping[str, PortMetrics]
    flow_split: Mapping[str, float]
    peak_to_peak_gradient: float
    peak_gradient: float
    mean_gradient: float
    power_loss: float
    dissipation: float
    peak_velocity: float
    tawss: Distribution
    osi: Distribution
    rrt: Distribution
    transwss: Distribution
    washout_time: float
    age: Distribution | None
    health: NumericalHealth


def write_metrics(path: Path, metrics: FlowMetrics) -> None:
    """Write `metrics.json` (SI units)."""
    path.write_text(json.dumps(asdict(metrics), indent=1) + "\n", encoding="utf-8")


def read_metrics(path: Path) -> FlowMetrics:
    """Read `metrics.json`.

    Raises:
        HemoplanError: The file is missing or was written by another version.
    """
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        entry["ports"] = {name: PortMetrics(**port) for name, port in entry["ports"].items()}
        for name in ("tawss", "osi", "rrt", "transwss", "age"):
            entry[name] = None if entry[name] is None else Distribution(**entry[name])
        entry["health"] = NumericalHealth(**entry["health"])
        return FlowMetrics(**entry)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HemoplanError(
            "cannot read the metrics", where=str(path), value=error, remedy="run `hemoplan solve CASE` again"
        ) from error
