"""Tracers and blood gases in a 3D isthmus and the closed circulation of a newborn around it."""

from dataclasses import replace

import numpy as np
import pytest

from cfd.fluid import Fluid
from cfd.scalar_step import ScalarStep
from cfd.stepper import DEFAULTS, build_stepper
from lumped.circulation.file import load_anatomy
from lumped.circulation.graph import Port
from lumped.engine.boundary import CirculationBoundary
from lumped.engine.build import build
from lumped.engine.periodic import periodic
from lumped.gas.port_passage import CirculationBlood
from lumped.gas.port_tracer import gas_tracer, passive_tracer
from lumped.gas.transport import periodic_gas
from tests.cfd.tube import tube

STEPS, BEATS = 80, 2
RADIUS, LENGTH = 3e-3, 12e-3
FLUID = Fluid(density=1060.0, viscosity=0.004)


@pytest.fixture(scope="module")
def alone():
    """The periodic beat of the circulation alone."""
    return periodic(build(load_anatomy("term_newborn"))).history


@pytest.fixture(scope="module")
def course(alone):
    """Two beats of the coupled flow: what each step took."""
    whole = load_anatomy("term_newborn")
    opened = replace(
        whole,
        connections=tuple(each for each in whole.connections if each.name != "isthmus"),
        ports=(Port(name="inlet", node="aortic_arch"), Port(name="outlet", node="descending_aorta")),
    )
    model = build(opened)
    by_name = dict(zip(alone.model.unknowns, alone.unknowns[0], strict=True))
    boundary = CirculationBoundary(model=model, start=np.array([by_name[name] for name in model.unknowns]))
    domain = tube(RADIUS, LENGTH, 4, 4).with_ports(("inlet", "outlet"))
    stepper = build_stepper(domain, FLUID, "P1-P1", replace(DEFAULTS["P1-P1"], pressure_tolerance=1e-9))
    state, taken = stepper.initial_state(boundary), []
    for _ in range(BEATS * STEPS):
        state, _ = stepper.advance(state, model.period / STEPS, boundary)
        taken.append(stepper.taken)
    return stepper, boundary, taken


def test_a_tracer_is_conserved_in_the_closed_loop(course):
    """Dye from the left ventricle goes round through the 3D isthmus, and back and forth; its amount stays."""
    stepper, boundary, taken = course
    blood = CirculationBlood(boundary=boundary)
    start = {"one": dict.fromkeys(blood.nodes, 1.0), "dye": {"left_ventricle": 1.0}}
    scalars = ScalarStep(stepper, passive_tracer(blood, boundary.initial_state(), start), diffusivity=1e-9)
    state = scalars.initial_state(np.array([1.0, 0.0]))
    total, low, high = scalars.amounts(state), 0.0, 0.0
    for step in taken:
        state = scalars.advance(state, step)
        np.testing.assert_allclose(scalars.amounts(state), total, rtol=1e-12)
        np.testing.assert_allclose(state.concentrations[:, 0], 1.0, atol=1e-4)
        low, high = min(low, state.concentrations[:, 1].min()), max(high, state.concentrations[:, 1].max())
    assert low > -1e-6
    assert 0.3 < high < 1.0
    there = scalars.behind.contents(state.behind, taken[-1].after.circuit)
    assert there[1, 1] > 0.1
    np.testing.assert_allclose(there[:, 0], 1.0, atol=1e-6)


def test_oxygen_goes_on_as_in_the_circulation_alone(alone, course):
    """The tube carries arterial blood from the arch to the descending aorta: both gases stay those of 0D alone."""
    stepper, boundary, taken = course
    beat = periodic_gas(alone)
    behind = gas_tracer(CirculationBlood(boundary=boundary), boundary.initial_state(), beat)
    scalars = ScalarStep(stepper, behind, diffusivity=1e-9)
    names = list(beat.passage.nodes)
    arterial = beat.means[names.index("aortic_arch")]
    state, held = scalars.initial_state(arterial), []
    for step in taken:
        state = scalars.advance(state, step)
        held.append(scalars.amounts(state))
    np.testing.assert_allclose(
        state.concentrations, np.tile(arterial, (len(state.concentrations), 1)), rtol=1e-3
    )
    # Over a beat the lungs bring what the tissues take, but for the small change of the beat by the tube.
    change = np.abs(held[-1] - held[-1 - STEPS])
    consumed = np.array([1.0, -boundary.model.circulation.gas.respiratory_quotient]) * beat.consumption.sum()
    assert (change < 0.05 * np.abs(consumed) * boundary.model.period).all()
