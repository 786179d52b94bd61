"""The FDA's benchmark nozzle at a Reynolds number of 500 in the throat: a cone, a throat, a sudden expansion.

              12 mm                    4 mm                     12 mm
    z = -0.1 ======== -62.7 mm \\\\ -40 mm ---- throat ---- 0 |======== 0.12 m

Steady flow of a Newtonian fluid from a parabola at the inlet; (a) on the section, as a fine reference, (b) by the time
steppers in tetrahedra from that reference on, until it no longer changes. The domain ends within the jet, whose eddy
closes at z = 0.20 m: on a section of 0.3 m the velocity on the axis before z = 0.08 m is the same to 1e-4.

Geometry and fluid: S. F. C. Stewart et al., Cardiovasc. Eng. Technol. 3 (2012) 139–160, DOI 10.1007/s13239-012-0087-5.
Measured: P. Hariharan et al., J. Biomech. Eng. 133 (2011) 041002, DOI 10.1115/1.4003440; data set DOI 10.17917/C78G69.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import basix.ufl
import numpy as np
from dolfinx import mesh as dmesh
from mpi4py import MPI
from scipy.interpolate import CubicSpline

from cfd.domain import Domain
from cfd.energy import EnergyBudget
from cfd.flow_state import FlowState
from cfd.fluid import Fluid
from cfd.fractional_step import FractionalStep
from cfd.stepper import ElementPair, build_stepper
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.circuit import FixedPressures
from hemoplan.patch import Patch, Role
from tests.verification.axisymmetric import AXIS, INLET, OUTLET, WALL, AxisymmetricFlow, solve_steady
from tests.verification.ring_tube import stepped_tube

FLUID = Fluid(density=1056.0, viscosity=0.0035)
FLOW = 5.20624e-6
WIDE, THROAT = 6e-3, 2e-3
START, CONE, THROAT_START, MIDDLE, NEAR, END = -0.1, -0.062685, -0.04, -0.02, 0.02, 0.12
MEAN_SPEED = FLOW / (np.pi * THROAT**2)
CIRCUIT = FixedPressures(("outlet",))

STATIONS = np.array(
    [-0.088, -0.064, -0.048, -0.042, -0.02, -0.008, 0.0, 0.008, 0.016, 0.024, 0.032, 0.04, 0.048, 0.06, 0.08]
)
MEASURED = np.array(
    [
        0.0881, 0.0886, 0.1924, 0.3775, 0.6863, 0.7432, 0.7497, 0.7313, 0.7138, 0.6773, 0.6541, 0.6373, 0.6288, 0.5870,
        0.4425,
    ]
)  # fmt: skip
"""Velocity on the axis at the stations, by particle images of one laboratory (code 243) [m/s]."""
SCATTER = {
    -0.088: (0.083, 0.093),
    -0.008: (0.70, 0.77),
    0.0: (0.709, 0.753),
    0.024: (0.651, 0.677),
    0.08: (0.417, 0.512),
}
"""Lowest and highest of all laboratories at some stations [m/s]."""
UPSTREAM, DOWNSTREAM = -0.088, 0.08
"""Stations between which the pressure drop is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisValues:
    """Velocity [m/s] and pressure [Pa] on the axis at `STATIONS`, (15,) each."""

    velocity: FloatArray
    pressure: FloatArray

    @property
    def drop(self) -> float:
        """Pressure at `UPSTREAM` less that at `DOWNSTREAM` [Pa]."""
        first, last = (int(np.flatnonzero(STATIONS == z)[0]) for z in (UPSTREAM, DOWNSTREAM))
        return float(self.pressure[first] - self.pressure[last])


@dataclass(frozen=True, slots=True, kw_only=True)
class NozzleRun:
    """What a run in tetrahedra found; means over its last third.

    Attributes:
        cells: Tetrahedra.
        axis: On the axis.
        fluctuation: Largest standard deviation over time of the velocity at a station, relative to its mean.
        leak: Inflow less outflow at the end, relative to the inflow.
        energy: Power of pressure and motion that enters and does not leave, over what becomes heat, less 1.
        numerical: Share of the heat that stabilisation, splitting and the term against backflow make.
        seconds: CPU time.
    """

    cells: int
    axis: AxisValues
    fluctuation: float
    leak: float
    energy: float
    numerical: float
    seconds: float


def radius(z: FloatArray) -> FloatArray:
    """Radius of the vessel before the expansion [m]."""
    return np.interp(z, [START, CONE, THROAT_START, 0.0], [WIDE, WIDE, THROAT, THROAT])


def inflow(r: FloatArray) -> FloatArray:
    """(k,) parabola at the inlet [m/s] at radii (k,) [m]."""
    return 2.0 * FLOW / (np.pi * WIDE**2) * (1.0 - (r / WIDE) ** 2)


def reference(cells: int) -> AxisymmetricFlow:
    """The flow on the section, with so many cells across the throat's radius."""
    return solve_steady(section(cells), FLUID, inflow)


def axis_values(flow: AxisymmetricFlow) -> AxisValues:
    """Values of a reference."""
    points = np.column_stack([STATIONS, np.zeros(len(STATIONS))])
    return AxisValues(velocity=flow.velocity_at(points)[:, 0], pressure=flow.pressure_at(points))


def run(
    elements: ElementPair, cells: int, start: AxisymmetricFlow, *, dt: float, duration: float
) -> NozzleRun:
    """March from the reference for a while [s] in steps of dt [s], in tetrahedra with so many rings in the throat."""
    begin = time.process_time()
    stepper = build_stepper(solid(cells), FLUID, elements)
    state = stepper.initial_state(
        CIRCUIT,
        velocity=_spin(start.velocity_at),
        pressure=lambda x: start.pressure_at(_section_points(x)),
    )
    budget = EnergyBudget(stepper)
    steps, speeds, pressures, powers = round(duration / dt), [], [], []
    for step in range(steps):
        state, report = stepper.advance(state, dt, CIRCUIT, FLOW)
        if step >= 2 * steps // 3:
            axis = _values_on_axis(stepper, state)
            speeds.append(axis.velocity)
            pressures.append(axis.pressure)
            powers.append((-budget.outward_powers(state, report).sum(), *budget.losses(state)))
    supplied, viscous, numerical = np.mean(powers, axis=0)
    velocity = np.mean(speeds, axis=0)
    return NozzleRun(
        cells=len(stepper.elements.cells),
        axis=AxisValues(velocity=velocity, pressure=np.mean(pressures, axis=0)),
        fluctuation=float((np.std(speeds, axis=0) / velocity).max()),
        leak=abs(float(report.flows.sum())) / FLOW,
        energy=float(supplied / (viscous + numerical) - 1.0),
        numerical=float(numerical / (viscous + numerical)),
        seconds=time.process_time() - begin,
    )


def _section_points(x: FloatArray) -> FloatArray:
    """(k, 2) z and r of points (k, 3), those on the corners of the facets moved onto the vessel's wall."""
    z = x[:, 2]
    return np.column_stack([z, np.minimum(np.hypot(x[:, 0], x[:, 1]), np.where(z < 0.0, radius(z), WIDE))])


def _spin(velocity: Callable[[FloatArray], FloatArray]) -> Callable[[FloatArray], FloatArray]:
    """A velocity on the section as one in space."""

    def found(x: FloatArray) -> FloatArray:
        points = _section_points(x)
        along, outward = velocity(points).T
        share = outward / np.maximum(points[:, 1], 1e-12)
        return np.column_stack([share * x[:, 0], share * x[:, 1], along])

    return found


def _values_on_axis(stepper: FractionalStep, state: FlowState) -> AxisValues:
    """Splines through the nodes on the axis."""

    def at_stations(coordinates: FloatArray, values: FloatArray) -> FloatArray:
        on_axis = np.flatnonzero(np.hypot(coordinates[:, 0], coordinates[:, 1]) < 1e-9)
        order = on_axis[coordinates[on_axis, 2].argsort()]
        return np.asarray(CubicSpline(coordinates[order, 2], values[order])(STATIONS))

    return AxisValues(
        velocity=at_stations(stepper.elements.coordinates, state.velocity[:, 2]),
        pressure=at_stations(stepper.vertices.coordinates, state.pressure),
    )


def solid(cells: int) -> Domain:
    """Tetrahedra, with so many rings in the throat, whose polygons have the areas of the circles."""
    narrow, wide = _heights(cells)
    circles = np.concatenate(_radii(cells))
    angles = 2.0 * np.pi / (6 * np.arange(1, len(circles) + 1))
    stretch = np.sqrt(angles / np.sin(angles))
    return stepped_tube(
        narrow,
        wide,
        rings=circles * stretch,
        inner=cells,
        radius=lambda z: radius(z) * stretch[cells - 1],
    )


def section(cells: int) -> Domain:
    """Triangles over (z, r), quadrilaterals in four, with so many across the throat's radius."""
    narrow, wide = _heights(cells)
    across, around = _radii(cells)
    z = np.concatenate([narrow, wide[1:]])
    r = np.concatenate([[0.0], across, around])
    grid = np.empty((len(z), len(r), 2))
    grid[:, :, 0], grid[:, :, 1] = z[:, None], r
    grid[: len(narrow), :, 1] *= radius(narrow)[:, None] / THROAT
    number = np.arange(len(z) * len(r)).reshape(len(z), len(r))
    corners = np.stack([number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]], axis=-1)
    inside = np.ones(corners.shape[:2], dtype=bool)
    inside[: len(narrow) - 1, cells:] = False
    points, triangles = _cross(grid.reshape(-1, 2), corners[inside])
    element = basix.ufl.element("Lagrange", "triangle", 1, shape=(2,))
    return _name_sides(dmesh.create_mesh(MPI.COMM_SELF, cells=triangles, x=points, e=element))


def _radii(cells: int) -> tuple[FloatArray, FloatArray]:
    """Radii of the nodes in the throat, closer at its wall, and in the annulus around it, closer at the throat."""
    outside = 2 * cells // 3
    across = np.tanh(np.arange(1, cells + 1) / cells) / np.tanh(1.0)
    return THROAT * across, _graded(THROAT, WIDE, outside, 1.5)[1:]


def _heights(cells: int) -> tuple[FloatArray, FloatArray]:
    """z of the layers before and behind the expansion, closer at both ends of the throat."""
    narrow = [
        _graded(START, CONE, cells, -2.0),
        _graded(CONE, THROAT_START, 2 * cells, -1.5),
        _graded(THROAT_START, MIDDLE, 2 * cells, 2.0),
        _graded(MIDDLE, 0.0, 2 * cells, -2.0),
    ]
    wide = [_graded(0.0, NEAR, 3 * cells, 1.5), _graded(NEAR, END, 6 * cells, 0.5)]
    join = [np.concatenate([parts[0][:1], *(part[1:] for part in parts)]) for parts in (narrow, wide)]
    return join[0], join[1]


def _graded(first: float, last: float, count: int, strength: float) -> FloatArray:
    """(count + 1,) points whose distances grow by exp(strength)."""
    return np.asarray(
        first + (last - first) * np.expm1(strength * np.arange(count + 1) / count) / np.expm1(strength)
    )


def _cross(points: FloatArray, corners: IntArray) -> tuple[FloatArray, IntArray]:
    """Split quadrilaterals (c, 4) in four triangles around their middles; nodes that are not used are dropped."""
    middles = len(points) + np.arange(len(corners))
    triangles = np.concatenate(
        [np.column_stack([corners[:, i], corners[:, (i + 1) % 4], middles]) for i in range(4)]
    )
    used, triangles = np.unique(triangles, return_inverse=True)
    points = np.concatenate([points, points[corners].mean(axis=1)])
    return points[used], triangles.reshape(-1, 3).astype(np.int64)


def _name_sides(mesh: dmesh.Mesh) -> Domain:
    mesh.topology.create_connectivity(1, 2)
    facets = dmesh.exterior_facet_indices(mesh.topology)
    z, r, _ = dmesh.compute_midpoints(mesh, 1, facets).T
    tags = np.full(len(facets), WALL, dtype=np.int32)
    tags[z < START + 1e-9] = INLET
    tags[z > END - 1e-9] = OUTLET
    tags[r < 1e-9] = AXIS
    names = {"wall": WALL, "inlet": INLET, "outlet": OUTLET, "axis": AXIS}
    patches = tuple(
        Patch(name=name, role=Role.WALL, tag=tag, area=1.0, centre=(0, 0, 0), normal=(0, 0, 0))
        for name, tag in names.items()
    )
    return Domain(mesh=mesh, facet_tags=dmesh.meshtags(mesh, 1, facets, tags), patches=patches)
