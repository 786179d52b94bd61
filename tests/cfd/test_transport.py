"""Scalars in real flows: balance, range, port flows, mixing of inlets, age of what leaves, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from cfd.elements import build_elements
from cfd.fluid import Fluid
from cfd.port_nodes import PortNodes
from cfd.quadratic_step import QuadraticStep
from cfd.scalar_step import ScalarStep
from cfd.stepper import build_stepper
from cfd.stream import StreamBuilder
from cfd.transport import Transport
from hemoplan.circuit import FixedPressures
from hemoplan.errors import BoundaryError, MeshError
from hemoplan.patch import Role
from hemoplan.tracer import FixedContents
from tests.cfd.ranks import run_on_ranks
from tests.cfd.transport_program import FLOW, PERIOD, STEPS
from tests.cfd.tube import tube
from tests.cfd.tube_program import tight
from tests.verification.carried import channel, through

DT = PERIOD / STEPS


@pytest.fixture(scope="module", params=["P1-P1", "P2-P1"])
def pair(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def course(pair, tmp_path_factory) -> dict[str, np.ndarray]:
    """A flow that reverses at both ends of a tube, on one rank."""
    return run(tmp_path_factory.mktemp("course") / "out.npz", pair, 1)


def run(out: Path, pair: str, ranks: int) -> dict[str, np.ndarray]:
    run_on_ranks(ranks, "tests.cfd.transport_program", out, pair)
    with np.load(out) as file:
        return dict(file)


def balance(course) -> float:
    """Largest amount that appears from nowhere in a step, as a share of what moves."""
    amounts, leaving = course["amounts"], course["leaving"].sum(axis=1)
    made = np.diff(amounts, axis=0) + DT * leaving[1:]
    return float(np.abs(made).max() / (DT * FLOW))


def test_amounts_change_by_what_the_ports_bring(course):
    assert balance(course) < 1e-12


def test_the_port_flows_are_those_of_the_pressure_step(course):
    """What is 1 everywhere leaves with the blood's flow, whatever the velocity at the nodes of the port."""
    np.testing.assert_allclose(course["leaving"][:, :, 0], course["flows"], atol=1e-6 * FLOW)
    np.testing.assert_allclose(course["range"][:, :, 0], 1.0, atol=1e-5)


def test_values_stay_in_range_where_flow_reverses(course):
    """Each scalar reaches most of what enters by its end, and never more."""
    low, high = course["range"][:, 0, 1:], course["range"][:, 1, 1:]
    assert low.min() > -1e-6
    assert high.max() < 1.0 + 1e-6
    assert high.max(axis=0).min() > 0.9


def test_scalars_add_up(course):
    """What comes in by either end and what was there make up the whole: limiting each alone adds next to nothing."""
    one, inlet, outlet = course["fields"].T
    there = one - inlet - outlet
    assert there.min() > -0.01
    assert there.max() < 1.0


@pytest.mark.mpi
def test_two_ranks_carry_the_same(course, pair, tmp_path):
    done = run(tmp_path / "two.npz", pair, 2)
    assert balance(done) < 1e-12
    np.testing.assert_allclose(done["fields"], course["fields"], atol=1e-5)
    np.testing.assert_allclose(done["leaving"], course["leaving"], atol=1e-5 * FLOW)


ENDS = {
    "upper_inlet": (Role.INLET, lambda x: (x[:, 0] < 1e-3) & (x[:, 1] > 2e-3)),
    "lower_inlet": (Role.INLET, lambda x: (x[:, 0] < 1e-3) & (x[:, 1] < 1e-3)),
    "upper_outlet": (Role.OUTLET, lambda x: (x[:, 0] > 1e-3) & (x[:, 1] > 2e-3)),
    "lower_outlet": (Role.OUTLET, lambda x: (x[:, 0] > 1e-3) & (x[:, 1] < 1e-3)),
}


@pytest.mark.parametrize("diffusivity", [0.0, 1e-5], ids=["convection", "diffusion"])
def test_two_inlets_mix_into_two_outlets(diffusivity):
    """Steady: both outlets carry what both inlets bring; streams stay apart, or mix where diffusion is fast."""
    domain = channel(6e-3, 3e-3, 24, 12, openings=ENDS)
    stepper = QuadraticStep(domain, Fluid(density=1060.0, viscosity=0.004), tight("P2-P1"))
    circuit = FixedPressures(tuple(patch.name for patch in stepper.outlets))
    flow, inflows = stepper.initial_state(circuit), np.array([1e-5, 1e-5])
    for _ in range(60):
        flow, report = stepper.advance(flow, 1e-2, circuit, inflows)
    ports = PortNodes(stepper.vertices)
    stream = StreamBuilder(stepper.elements, stepper.vertices, ports).build(flow.velocity, report.flows)
    transport = Transport(stepper.vertices, ports, diffusivity=diffusivity)
    values, entering = np.zeros((stepper.vertices.nodes, 1)), np.array([[0.9], [0.6], [0.0], [0.0]])
    for _ in range(800):
        done = transport.carry(values, stream, 2e-2, entering=entering)
        values = done.concentrations
    assert done.leaving[2:].sum() == pytest.approx(float(inflows @ entering[:2, 0]), rel=1e-5)
    upper, lower = done.leaving[2:, 0] / report.flows[2:]
    assert upper - lower < 0.02 if diffusivity else upper - lower > 0.2
    assert 0.6 - 1e-6 < lower < upper < 0.9 + 1e-6


def test_blood_leaves_at_the_age_volume_over_flow(pair):
    """In a steady flow, whatever its profile: the age at the outlet, weighted with the flow, is the mean age."""
    stepper = build_stepper(tube(2e-3, 4e-3, 4, 6), Fluid(density=1060.0, viscosity=0.004), pair, tight(pair))
    circuit = FixedPressures(("outlet",))
    scalars = ScalarStep(
        stepper,
        FixedContents(ports=("outlet",), tracers=("age",)),
        entering=np.zeros((1, 1)),
        diffusivity=4e-6,
        rates=np.ones(1),
    )
    flow, state = stepper.initial_state(circuit), scalars.initial_state(np.zeros(1))
    for _ in range(400):
        flow, _ = stepper.advance(flow, 4e-3, circuit, 1e-6)
        assert stepper.taken is not None
        before, state = state, scalars.advance(state, stepper.taken)
        if np.abs(state.leaving - before.leaving).max() < 1e-10 * state.leaving.max():
            break
    age = scalars.transport.volumes.sum() / 1e-6
    assert state.leaving[1, 0] / state.flows[1] == pytest.approx(age, rel=1e-6)


def parts(domain):
    vertices = build_elements(domain, 1)
    ports = PortNodes(vertices)
    return vertices, ports, StreamBuilder(vertices, vertices, ports), Transport(vertices, ports)


def test_flows_that_do_not_balance_are_refused():
    vertices, _, streams, _ = parts(through(2.0, 1.0, 8, 4))
    with pytest.raises(BoundaryError, match=r"\[inlet, outlet\].*-1, 1.001.*zero for their sum"):
        streams.build(np.zeros_like(vertices.coordinates), np.array([-1.0, 1.001]))


def test_what_enters_must_be_a_number():
    vertices, _, streams, transport = parts(through(2.0, 1.0, 8, 4))
    stream = streams.build(np.tile([1.0, 0.0], (vertices.nodes, 1)), np.array([-1.0, 1.0]))
    with pytest.raises(BoundaryError, match=r"\[inlet\].*nan"):
        transport.carry(np.zeros((vertices.nodes, 1)), stream, 0.1, entering=np.array([[np.nan], [0.0]]))


def test_openings_that_touch_are_refused():
    touching = {
        "one": (Role.INLET, lambda x: (x[:, 0] < 1.0) & (x[:, 1] > 0.5)),
        "other": (Role.OUTLET, lambda x: (x[:, 0] < 1.0) & (x[:, 1] < 0.5)),
    }
    with pytest.raises(MeshError, match="one, other"):
        PortNodes(build_elements(channel(2.0, 1.0, 8, 4, openings=touching), 1))


def test_inlets_without_a_concentration_are_refused():
    stepper = QuadraticStep(through(2.0, 1.0, 8, 4), Fluid(density=1000.0, viscosity=1.0))
    with pytest.raises(BoundaryError, match=r"\[inlet\].*1 inlets, and of each dye"):
        ScalarStep(stepper, FixedContents(ports=("outlet",), tracers=("dye",)))
    with pytest.raises(BoundaryError, match="expected outlet"):
        ScalarStep(stepper, FixedContents(ports=("exit",), tracers=("dye",)), entering=np.zeros((1, 1)))
