"""The DFG benchmarks of flow around a cylinder in a channel: data, coefficients, published values, runs.

M. Schäfer, S. Turek, Benchmark computations of laminar flow around a cylinder, Notes Numer. Fluid Mech. 52 (1996)
547–566, DOI 10.1007/978-3-322-89849-4_39. Density 1 kg/m³, viscosity 1e-3 Pa s, diameter 0.1 m, height 0.41 m.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from cfd.domain import Domain
from cfd.monolithic import Monolithic, MonolithicState
from cfd.monolithic_boundary import still
from hemoplan.arrays import FloatArray
from tests.verification.channel_mesh import (
    CENTRES,
    CYLINDER,
    HEIGHT,
    INLET,
    MIRROR,
    OUTLET,
    RADIUS,
    WALLS,
    channel,
)

DENSITY, VISCOSITY, DIAMETER = 1.0, 1e-3, 2.0 * RADIUS

NABH = "G. Nabh, Heidelberg 1998, by FeatFlow (dfg_benchmark1_re20)"
JOHN_2004 = "V. John, Int. J. Numer. Meth. Fluids 44 (2004) 777–788, DOI 10.1002/fld.679"
BRAACK = "M. Braack, T. Richter, Comput. Fluids 35 (2006) 372–392, DOI 10.1016/j.compfluid.2005.02.001"
BAYRAKTAR = "E. Bayraktar, O. Mierka, S. Turek, Int. J. Comput. Sci. Eng. 7 (2012) 253–266"
FEATFLOW = "FeatFlow, dfg_benchmark2_re100, finest level"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A number of the literature.

    Attributes:
        value: The number; the middle if only bounds are known.
        source: Where it is from.
        tolerance: How far apart the sources are, or half the distance of the bounds; 0 if not said.
    """

    value: float
    source: str
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficients:
    """Dimensionless drag and lift, and the pressure difference between the front and the back of the cylinder [Pa]."""

    drag: float
    lift: float
    pressure_difference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One of the benchmarks.

    Attributes:
        name: As in the paper.
        dimension: 2 or 3.
        peak: Largest velocity of the inlet's profile, at its greatest in time [m/s].
        mean: Mean velocity that the coefficients refer to [m/s].
        duration: Length of time [s] over which the inflow follows sin(pi t / duration); None if it is constant.
        published: Values by the name of the quantity.
    """

    name: str
    dimension: int
    peak: float
    mean: float
    duration: float | None
    published: dict[str, Published]

    def inflow(self, x: FloatArray, t: float) -> FloatArray:
        """(k, d) the inlet's velocity at points (k, d) and a time."""
        y = x[:, 1]
        profile = 4.0 * y * (HEIGHT - y) / HEIGHT**2
        if self.dimension == 3:
            profile = profile * 4.0 * x[:, 2] * (HEIGHT - x[:, 2]) / HEIGHT**2
        strength = np.sin(np.pi * t / self.duration) if self.duration is not None else 1.0
        velocity = np.zeros_like(x)
        velocity[:, 0] = self.peak * strength * profile
        return velocity

    def wall_velocity(self, x: FloatArray, t: float) -> FloatArray:
        """(k, d) velocity where it is prescribed: the inflow in the plane of the inlet, zero on walls and cylinder."""
        return np.where((np.abs(x[:, 0]) < 1e-9)[:, None], self.inflow(x, t), 0.0)

    def coefficients(self, force: FloatArray, pressure_difference: float) -> Coefficients:
        """2 F / (rho mean² D), in 3D also over the height, of the force on the cylinder [N, in 2D N/m]."""
        span = HEIGHT if self.dimension == 3 else 1.0
        scale = 2.0 / (DENSITY * self.mean**2 * DIAMETER * span)
        return Coefficients(
            drag=float(scale * force[0]),
            lift=float(scale * force[1]),
            pressure_difference=pressure_difference,
        )

    @property
    def probes(self) -> FloatArray:
        """(2, d) the points at the front and the back of the cylinder, in 3D at half its length."""
        x, y = CENTRES[self.dimension]
        depth = [HEIGHT / 2.0] if self.dimension == 3 else []
        return np.array([[x - RADIUS, y, *depth], [x + RADIUS, y, *depth]])


DFG_2D1 = Benchmark(
    name="2D-1",
    dimension=2,
    peak=0.3,
    mean=0.2,
    duration=None,
    published={
        "drag": Published(value=5.57953523384, source=NABH),
        "lift": Published(value=0.010618948146, source=NABH),
        "pressure_difference": Published(value=0.11752016697, source=NABH),
    },
)
DFG_2D2 = Benchmark(
    name="2D-2",
    dimension=2,
    peak=1.5,
    mean=1.0,
    duration=None,
    published={
        "largest drag": Published(value=3.2274, source=FEATFLOW),
        "smallest drag": Published(value=3.1643, source=FEATFLOW),
        "range of lift": Published(value=2.0079, source=FEATFLOW),
        "Strouhal number": Published(value=0.30184, source=FEATFLOW),
        "pressure difference": Published(value=2.48, tolerance=0.02, source="Schäfer & Turek 1996"),
    },
)
DFG_2D3 = Benchmark(
    name="2D-3",
    dimension=2,
    peak=1.5,
    mean=1.0,
    duration=8.0,
    published={
        "largest drag": Published(value=2.950921575, source=JOHN_2004),
        "time of largest drag": Published(value=3.93625, source=JOHN_2004),
        "largest lift": Published(value=0.47795, source=JOHN_2004),
        "time of largest lift": Published(value=5.693125, source=JOHN_2004),
        "pressure difference at 8 s": Published(value=-0.1116, source=JOHN_2004),
    },
)
DFG_3D1Z = Benchmark(
    name="3D-1Z",
    dimension=3,
    peak=0.45,
    mean=0.2,
    duration=None,
    published={
        "drag": Published(value=6.185333, source=BRAACK),
        "lift": Published(value=0.009401, source=BRAACK),
        "pressure_difference": Published(value=0.171007, source=BRAACK),
    },
)
DFG_3D3Z = Benchmark(
    name="3D-3Z",
    dimension=3,
    peak=2.25,
    mean=1.0,
    duration=8.0,
    published={
        "largest drag": Published(value=3.2978, source=BAYRAKTAR),
        "smallest lift": Published(value=-0.010999, source=BAYRAKTAR),
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SteadyResult:
    """What a steady run found.

    Attributes:
        cells: Triangles or tetrahedra.
        unknowns: Of velocity and pressure.
        curved: Whether the cells at the cylinder are of second order.
        coefficients: Drag, lift and pressure difference.
        factorisations, seconds: What it took.
    """

    cells: int
    unknowns: int
    curved: bool
    coefficients: Coefficients
    factorisations: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Coefficients over time, (n,) each [s, 1, 1, Pa]."""

    times: FloatArray
    drag: FloatArray
    lift: FloatArray
    pressure_difference: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Shedding:
    """The last whole cycle of vortex shedding, between two maxima of the lift.

    Attributes:
        largest_drag, smallest_drag, largest_lift, smallest_lift: Extrema.
        strouhal: Frequency times diameter over the mean velocity.
        pressure_difference: Half a cycle after the lift was largest [Pa].
    """

    largest_drag: float
    smallest_drag: float
    largest_lift: float
    smallest_lift: float
    strouhal: float
    pressure_difference: float


def reference_solver(benchmark: Benchmark, domain: Domain, *, compression: float = 0.0) -> Monolithic:
    """The monolithic solver on a mesh of `channel`. Collective."""
    mirror = any(patch.tag == MIRROR for patch in domain.patches)
    return Monolithic(
        domain.mesh,
        domain.facet_tags,
        density=DENSITY,
        viscosity=VISCOSITY,
        velocity={INLET: benchmark.inflow, WALLS: still, CYLINDER: still},
        pressure={OUTLET: 0.0},
        symmetry={MIRROR: 2} if mirror else None,
        compression=compression,
    )


def measure(
    benchmark: Benchmark, solver: Monolithic, state: MonolithicState, *, half: bool = False
) -> Coefficients:
    """The coefficients of a flow; in half of the channel the force counts twice. Collective."""
    front, back = solver.pressure_at(state, benchmark.probes)
    force = solver.reaction(state, CYLINDER) * (2.0 if half else 1.0)
    return benchmark.coefficients(force, float(front - back))


def run_steady(
    benchmark: Benchmark, cells: int, *, curved: bool, half: bool = False, layers: int | None = None
) -> SteadyResult:
    """The steady flow in `channel` with so many cells across. Collective."""
    start = time.perf_counter()
    domain = channel(benchmark.dimension, cells, curved=curved, half=half, layers=layers)
    solver = reference_solver(benchmark, domain)
    found = measure(benchmark, solver, solver.solve_steady(), half=half)
    unknowns = sum(
        space.dofmap.index_map.size_global * space.dofmap.index_map_bs
        for space in (solver.velocity_space, solver.pressure_space)
    )
    return SteadyResult(
        cells=domain.mesh.topology.index_map(benchmark.dimension).size_global,
        unknowns=unknowns,
        curved=curved,
        coefficients=found,
        factorisations=solver.factors.factorisations,
        seconds=time.perf_counter() - start,
    )


def run_in_time(benchmark: Benchmark, cells: int, *, dt: float, end: float, curved: bool = True) -> Series:
    """The flow from rest until `end` [s] in steps of dt [s]; a constant inflow is there at once. Collective."""
    solver = reference_solver(benchmark, channel(benchmark.dimension, cells, curved=curved))
    state = solver.initial_state()
    rows = []
    for _ in range(round(end / dt)):
        state = solver.advance(state, dt)
        found = measure(benchmark, solver, state)
        rows.append((state.time, found.drag, found.lift, found.pressure_difference))
    times, drag, lift, pressure_difference = np.array(rows).T
    return Series(times=times, drag=drag, lift=lift, pressure_difference=pressure_difference)


def last_cycle(benchmark: Benchmark, series: Series) -> Shedding:
    """The last whole cycle of a series; extrema from parabolas through three values."""
    lift = series.lift
    tops = [
        k for k in range(1, len(lift) - 1) if lift[k - 1] < lift[k] >= lift[k + 1] and lift[k] > lift.mean()
    ]
    first, last = tops[-2], tops[-1]
    start, largest_lift = peak(series.times, lift, first)
    end, _ = peak(series.times, lift, last)
    cycle = slice(first, last + 1)

    def extremum(values: FloatArray, sign: float) -> float:
        k = first + int((sign * values[cycle]).argmax())
        return peak(series.times, values, k)[1]

    return Shedding(
        largest_drag=extremum(series.drag, 1.0),
        smallest_drag=extremum(series.drag, -1.0),
        largest_lift=largest_lift,
        smallest_lift=extremum(lift, -1.0),
        strouhal=DIAMETER / (benchmark.mean * (end - start)),
        pressure_difference=float(np.interp(0.5 * (start + end), series.times, series.pressure_difference)),
    )


def peak(times: FloatArray, values: FloatArray, k: int) -> tuple[float, float]:
    """Time and value of the extremum of the parabola through the values k - 1, k and k + 1."""
    k = min(max(k, 1), len(times) - 2)
    t, f = times[k - 1 : k + 2] - times[k], values[k - 1 : k + 2]
    a, b, c = np.polyfit(t, f, 2)
    if a == 0.0:
        return float(times[k]), float(c)
    at = float(np.clip(-0.5 * b / a, t[0], t[2]))
    return float(times[k] + at), float(a * at**2 + b * at + c)
