"""A 3D isthmus in the closed circulation of a newborn with a beating heart: nothing is prescribed."""

from dataclasses import replace

import numpy as np
import pytest

from cfd.fluid import Fluid
from cfd.stepper import DEFAULTS, build_stepper
from hemoplan.patch import Role
from hemoplan.units import MMHG
from lumped.circulation.file import load_anatomy
from lumped.circulation.graph import Port
from lumped.engine.boundary import CirculationBoundary
from lumped.engine.build import build
from lumped.engine.periodic import periodic
from tests.cfd.tube import tube

BEATS, STEPS = 10, 80
RADIUS, LENGTH = 3e-3, 12e-3


@pytest.fixture(scope="module")
def course():
    """Ten beats of the coupled system from the periodic beat of the 0D circulation alone."""
    whole = load_anatomy("term_newborn")
    alone = periodic(build(whole)).history
    opened = replace(
        whole,
        connections=tuple(each for each in whole.connections if each.name != "isthmus"),
        ports=(Port(name="inlet", node="aortic_arch"), Port(name="outlet", node="descending_aorta")),
    )
    model = build(opened)
    by_name = dict(zip(alone.model.unknowns, alone.unknowns[0], strict=True))
    boundary = CirculationBoundary(model=model, start=np.array([by_name[name] for name in model.unknowns]))
    domain = tube(RADIUS, LENGTH, 4, 4)
    patches = tuple(
        patch if patch.role is Role.WALL else replace(patch, role=Role.OUTLET) for patch in domain.patches
    )
    settings = replace(DEFAULTS["P1-P1"], pressure_tolerance=1e-9)
    fluid = Fluid(density=1060.0, viscosity=0.004)
    stepper = build_stepper(replace(domain, patches=patches), fluid, "P1-P1", settings)
    state, flows, pressures, volumes = stepper.initial_state(boundary), [], [], []
    volumes.append(model.total_volume(boundary.initial_state()))
    for _ in range(BEATS * STEPS):
        state, report = stepper.advance(state, model.period / STEPS, boundary)
        flows.append(report.flows)
        pressures.append(report.pressures)
        volumes.append(model.total_volume(state.circuit))
    return alone, np.array(flows), np.array(pressures), np.array(volumes)


def test_blood_is_conserved_over_ten_beats(course):
    """The domain is rigid, so what is in the circulation stays there, but for what the pressure solver leaves."""
    _, flows, _, volumes = course
    assert np.abs(volumes - volumes[0]).max() < 1e-6 * volumes[0]
    assert np.abs(flows.sum(axis=1)).max() < 1e-6 * np.abs(flows).max()


def test_the_heart_drives_the_tube_as_it_drove_the_connection(course):
    """The tube is short and wide: flow and pressure are those of the circulation alone, within a tenth."""
    alone, flows, pressures, _ = course
    last = slice(-STEPS, None)
    through = flows[last, 1].mean()
    assert through == pytest.approx(alone.flow("isthmus")[1:].mean(), rel=0.1)
    assert pressures[last, 1].mean() == pytest.approx(alone.pressure("descending_aorta")[1:].mean(), rel=0.05)
    assert pressures[last, 1].max() - pressures[last, 1].min() > 10.0 * MMHG


def test_beats_repeat(course):
    """From the periodic beat of the 0D circulation alone, the second 3D beat is periodic to a hundredth already."""
    _, _, pressures, _ = course
    second, third, last = pressures[STEPS : 2 * STEPS], pressures[2 * STEPS : 3 * STEPS], pressures[-STEPS:]
    assert np.abs(third - second).max() < 0.01 * np.ptp(last)
    assert np.abs(last - pressures[-2 * STEPS : -STEPS]).max() < 1e-3 * np.ptp(last)
