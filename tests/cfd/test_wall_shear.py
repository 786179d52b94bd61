"""Wall shear stress against exact flows: Poiseuille, Womersley, and the balance of forces on a tube."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import jv

from cfd.flow_state import FlowState
from cfd.fluid import CarreauYasuda, Fluid
from cfd.stepper import DEFAULTS, build_stepper
from cfd.wall_shear import WallShear
from hemoplan.circuit import FixedPressures
from tests.cfd.tube import tube

RADIUS, LENGTH, FLOW = 2e-3, 8e-3, 2e-6
CIRCUIT = FixedPressures(("outlet",))


def stepper_on_tube(pair, across, fluid, **settings):
    choices = replace(DEFAULTS[pair], stabilise=False, **settings)
    return build_stepper(tube(RADIUS, LENGTH, across, across), fluid, pair, choices)


def parabola(points):
    square = (points[:, 0] ** 2 + points[:, 1] ** 2) / RADIUS**2
    along = 2.0 * FLOW / (np.pi * RADIUS**2) * (1.0 - square)
    return np.column_stack([0.0 * along, 0.0 * along, along])


def on_smooth_wall(stepper, wall):
    """Of the wall's vertices, those away from the ends and from the four edges of the mapped box."""
    x, y, z = stepper.vertices.coordinates[wall.nodes].T
    from_edge = np.abs(np.degrees(np.arctan2(y, x)) % 90.0 - 45.0)
    return (np.abs(z / LENGTH - 0.5) < 0.26) & (from_edge > 15.0)


def steady(pair, across, fluid, dt=2e-3):
    stepper = stepper_on_tube(pair, across, fluid)
    state = stepper.initial_state(CIRCUIT, velocity=parabola)
    for _ in range(20):
        state, report = stepper.advance(state, dt, CIRCUIT, FLOW)
    return stepper, state, report


VISCOUS = Fluid(density=1060.0, viscosity=0.04)


@pytest.mark.parametrize(("pair", "sizes", "limit"), [("P1-P1", (8, 16), 0.03), ("P2-P1", (6, 12), 0.006)])
def test_poiseuille_converges_at_second_order(pair, sizes, limit):
    """tau = 4 mu Q / (pi R³) along the axis."""
    exact = 4.0 * VISCOUS.viscosity * FLOW / (np.pi * RADIUS**3)
    errors = []
    for across in sizes:
        stepper, state, _ = steady(pair, across, VISCOUS)
        wall = WallShear(stepper)
        stress = wall.compute(state)[wall.nodes][on_smooth_wall(stepper, wall)]
        errors.append(float(np.linalg.norm(stress - [0.0, 0.0, exact], axis=1).mean() / exact))
    assert errors[1] < limit
    assert np.log2(errors[0] / errors[1]) > 1.85


@pytest.mark.parametrize("thinning", [None, CarreauYasuda()])
@pytest.mark.parametrize("pair", ["P1-P1", "P2-P1"])
def test_drag_balances_the_pressure_drop(pair, thinning):
    """At a constant flow the wall's drag is what the pressure drop pushes, on any mesh and for any viscosity."""
    fluid = Fluid(density=1060.0, viscosity=0.02, thinning=thinning)
    stepper, state, report = steady(pair, 6, fluid)
    wall = WallShear(stepper)
    drag = float((wall.compute(state)[:, 2] * wall.areas).sum())
    opening = stepper.vertices.patch_facets(*stepper.outlets).areas.sum()
    assert drag == pytest.approx(float(report.pressures[0] - report.pressures[1]) * opening, rel=0.02)


def womersley(alpha, fluid):
    """Complex amplitudes of axial velocity (a function of the radius) and wall shear stress for a flow FLOW exp(iwt).

    Womersley, J. Physiol. 127 (1955), DOI 10.1113/jphysiol.1955.sp005276.
    """
    a = 1j**1.5 * alpha
    drive = FLOW / (np.pi * RADIUS**2) / (1.0 - 2.0 * jv(1, a) / (a * jv(0, a)))
    return (
        lambda r: drive * (1.0 - jv(0, a * r / RADIUS) / jv(0, a)),
        -fluid.viscosity * drive * a / RADIUS * jv(1, a) / jv(0, a),
    )


@pytest.mark.parametrize("alpha", [4.0, 8.0])
def test_womersley_amplitude_and_phase(alpha):
    """Oscillating flow: at alpha 8 the stress leads the flow by 37 degrees, and is 2.3 times that of steady flow."""
    fluid, steps = Fluid(density=1060.0, viscosity=0.04), 60
    velocity, exact = womersley(alpha, fluid)
    omega = alpha**2 * fluid.viscosity / fluid.density / RADIUS**2
    stepper = stepper_on_tube("P2-P1", 8, fluid)

    def start(points):
        along = velocity(np.hypot(points[:, 0], points[:, 1])).real
        return np.column_stack([0.0 * along, 0.0 * along, along])

    wall, state = WallShear(stepper), stepper.initial_state(CIRCUIT, velocity=start)
    chosen = on_smooth_wall(stepper, wall) & (stepper.vertices.coordinates[wall.nodes, 2] > 0.4 * LENGTH)
    amplitude = 0.0
    for step in range(1, 3 * steps // 2 + 1):
        dt = 2.0 * np.pi / omega / steps
        state, _ = stepper.advance(state, dt, CIRCUIT, FLOW * np.cos(omega * step * dt))
        if step > steps // 2:
            stress = wall.compute(state)[wall.nodes][chosen, 2].mean()
            amplitude += 2.0 / steps * stress * np.exp(-1j * omega * step * dt)
    assert abs(amplitude) == pytest.approx(abs(exact), rel=0.02)
    assert np.degrees(np.angle(amplitude / exact)) == pytest.approx(0.0, abs=1.5)


def test_stress_is_tangential_and_on_the_wall_alone():
    stepper, state, _ = steady("P1-P1", 6, VISCOUS)
    wall = WallShear(stepper)
    stress = wall.compute(state)
    assert np.abs((stress[wall.nodes] * wall.normals).sum(axis=1)).max() < 1e-12 * np.abs(stress).max()
    inside = np.hypot(*stepper.vertices.coordinates[:, :2].T) < 0.9 * RADIUS
    assert not stress[inside].any()


def test_fluid_at_rest_has_no_stress():
    stepper = stepper_on_tube("P1-P1", 4, VISCOUS)
    state: FlowState = stepper.initial_state(CIRCUIT)
    assert np.abs(WallShear(stepper).compute(state)).max() < 1e-12
