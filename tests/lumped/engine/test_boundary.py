"""A circulation behind the openings of a 3D domain."""

import numpy as np
import pytest

from hemoplan.errors import BoundaryError
from hemoplan.units import MMHG
from lumped.circulation.graph import Circulation, Compartment, Port
from lumped.engine.boundary import CirculationBoundary
from lumped.engine.build import build
from lumped.engine.periodic import periodic
from lumped.windkessel import Windkessel, WindkesselBank

from .circuits import C, R, neonate, resistor, vessel, windkessel_behind_a_port


def with_ports(circulation, *ports):
    """The same circulation with openings."""
    from dataclasses import replace

    return replace(circulation, ports=ports)


def test_agrees_with_the_exact_windkessel_to_second_order():
    boundary = CirculationBoundary(model=build(windkessel_behind_a_port()))
    exact = WindkesselBank.of(
        {
            "descending_aorta": Windkessel(
                proximal_resistance=0.5 * R,
                compliance=0.1 * C,
                distal_resistance=5.0 * R,
                distal_pressure=4.5 * MMHG,
            )
        }
    ).starting_from(np.zeros(2))
    errors = []
    for steps in (50, 100, 200):
        dt = 0.5 / steps
        state, other = boundary.initial_state(), exact.initial_state()
        worst = 0.0
        for k in range(1, steps + 1):
            flow = np.array([8e-6 * np.sin(2.0 * np.pi * k * dt / 0.5) ** 2])
            answer, truth = boundary.step(state, flow, k * dt, dt), exact.step(other, flow, k * dt, dt)
            state, other = answer.state, truth.state
            worst = max(worst, abs(answer.pressures[0] - truth.pressures[0]))
        errors.append(worst)
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2.0, abs=0.15)
    assert errors[-1] < 1e-3 * MMHG


def arch(peer_cases):
    """The newborn with three openings: two arteries and a vein, one fed and two drained by a 3D domain."""
    circulation = with_ports(
        neonate(peer_cases, duct=True),
        Port(name="arch", node="ITHA"),
        Port(name="lung", node="PA"),
        Port(name="vein", node="ITHV"),
    )
    start = periodic(build(neonate(peer_cases, duct=True))).history.unknowns[0]
    return CirculationBoundary(model=build(circulation), start=start)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.35, 0.6])
def test_tangent_is_that_of_the_step(peer_cases, share):
    boundary = arch(peer_cases)
    t, dt = share * boundary.model.period, 1e-3
    state = boundary.initial_state()
    flows = np.array([2e-6, -1e-6, -1.5e-6])
    exact = boundary.step(state, flows, t, dt)
    numeric = np.empty((3, 3))
    h = 1e-8
    for j in range(3):
        change = h * np.eye(3)[j]
        first, second = (boundary.step(state, flows + sign * change, t, dt).pressures for sign in (1, -1))
        third, fourth = (boundary.step(state, flows + sign * change, t, dt).pressures for sign in (2, -2))
        numeric[:, j] = (8.0 * (first - second) - (third - fourth)) / (12.0 * h)
    assert exact.dp_dq == pytest.approx(numeric, rel=1e-8, abs=1e-8 * np.abs(numeric).max())


def test_a_step_is_pure_and_a_kept_state_goes_on_the_same(peer_cases):
    boundary = arch(peer_cases)
    dt, flows = 1e-3, np.array([1e-6, -1e-6, 0.0])
    state = boundary.initial_state()
    for k in range(1, 20):
        kept = state.copy()
        answer = boundary.step(state, flows, k * dt, dt)
        boundary.step(state, 3.0 * flows, k * dt, dt)
        again = boundary.step(kept, flows, k * dt, dt)
        assert (state == kept).all()
        assert (again.pressures == answer.pressures).all()
        state = answer.state


def test_what_leaves_the_3d_domain_arrives_in_the_circulation(peer_cases):
    boundary = arch(peer_cases)
    dt = 1e-3
    state = boundary.initial_state()
    before = boundary.model.total_volume(state)
    brought = 0.0
    last = np.zeros(3)
    for k in range(1, 200):
        flows = 1e-6 * np.array([np.sin(0.05 * k), 0.3, -np.cos(0.03 * k)])
        state = boundary.step(state, flows, k * dt, dt).state
        brought += 0.5 * dt * (flows + last).sum()
        last = flows
    after = boundary.model.total_volume(state)
    assert after - before == pytest.approx(brought, abs=1e-12 * before)


def test_a_port_driven_by_pressure_answers_with_flow():
    circulation = Circulation(
        name="half",
        period=0.5,
        compartments=(vessel("tank", 0.5, volume=10.0), Compartment(name="patch", kind="reservoir")),
        connections=(resistor("out", "tank", "patch", 2.0),),
        ports=(Port(name="patch", node="patch", drive="pressure"),),
    )
    boundary = CirculationBoundary(model=build(circulation))
    pressure = np.array([5.0 * MMHG])
    state = boundary.initial_state()
    answer = boundary.advance(state, pressure, 1e-3, 1e-3)
    tank = answer.state[0] / (0.5 * C)
    # out of the 3D domain is into the tank
    assert answer.response[0] == pytest.approx((pressure[0] - tank) / (2.0 * R), rel=1e-12)
    h = 1.0
    ahead, behind = (boundary.advance(state, pressure + sign * h, 1e-3, 1e-3).response for sign in (1, -1))
    assert answer.tangent[0, 0] == pytest.approx((ahead - behind)[0] / (2.0 * h), rel=1e-8)
    with pytest.raises(BoundaryError, match="driven by pressure"):
        boundary.step(state, pressure, 1e-3, 1e-3)


def test_a_step_without_a_solution_names_the_block(peer_cases):
    boundary = arch(peer_cases)
    state = boundary.initial_state()
    state[boundary.model.state("PA")] = np.nan
    with pytest.raises(BoundaryError, match=r"no solution.*PA|\[CC0 newborn: .*\]"):
        boundary.step(state, np.zeros(3), 1e-3, 1e-3)
