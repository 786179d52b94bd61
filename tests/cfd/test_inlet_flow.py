"""Velocity profiles over inlets of any shape: exact ones on a disc and a square, exact flux, and the flow behind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dolfinx import mesh as dmesh

from cfd.domain import Domain
from cfd.elements import build_elements
from cfd.inlet_flow import InletFlow, SteadyShape, WomersleyShape, harmonics_of
from cfd.inlet_profile import oscillating_outflow, unit_outflow
from cfd.stepper import DEFAULTS, build_stepper
from hemoplan.arrays import FloatArray
from hemoplan.circuit import FixedPressures
from hemoplan.patch import Patch, Role
from hemoplan.waveform import Waveform
from tests.verification.boxes import box
from tests.verification.ring_tube import ring_tube
from tests.verification.womersley import FLUID, PERIOD, Womersley, aortic

NU = FLUID.viscosity / FLUID.density


@pytest.mark.parametrize("degree", [1, 2])
def test_profiles_of_a_disc_converge_to_those_of_womersley(degree: int) -> None:
    """Ten harmonics of an aortic flow at a Womersley number of 6, at 24 times."""
    errors = []
    for rings in (6, 12):
        flow = aortic(6.0)
        elements = build_elements(ring_tube(np.array([0.0, 1e-3]), rings, radius=flow.radius), degree)
        [inlet] = elements.domain.inlets
        area = np.pi * flow.radius**2
        waveform = _waveform(flow, area)
        shape = WomersleyShape(elements, inlet, waveform=waveform, viscosity=NU)
        points = elements.coordinates[shape.nodes]
        times = PERIOD / 24 * np.arange(24)
        found = np.array([_velocity(shape, waveform(t), t) for t in times])
        exact = np.array([flow.velocity(points, t) for t in times])
        errors.append(float(np.sqrt(((found - exact) ** 2).mean() / (exact**2).mean())))
    assert errors[1] < (0.02 if degree == 1 else 0.006)
    assert np.log2(errors[0] / errors[1]) > 1.8


@pytest.mark.parametrize("womersley", [0.5, 2.0, 6.0])
def test_profiles_of_a_square_are_those_of_its_series(womersley: float) -> None:
    """A square of side 2: s = sum over odd m, n of 16 / (pi² m n) sin sin / (1 - i layer² pi² (m² + n²) / 4)."""
    errors = []
    layer = 1.0 / womersley
    for cells in (8, 16):
        domain = _box_with_inlet(cells)
        [inlet] = domain.inlets
        elements = build_elements(domain)
        nodes, outflow = oscillating_outflow(elements, inlet, layer=layer)
        x, y = 0.5 * np.pi * (elements.coordinates[nodes, :2].T + 1.0)
        orders = np.arange(1, 200, 2)
        m, n = np.meshgrid(orders, orders)
        weights = 16.0 / (np.pi**2 * m * n) / (1.0 - 1j * layer**2 * np.pi**2 * (m**2 + n**2) / 4.0)
        flux = (weights * 4.0 * 4.0 / (np.pi**2 * m * n)).sum()
        exact = np.einsum(
            "ij,jp,ip->p", weights / flux, np.sin(orders[:, None] * x), np.sin(orders[:, None] * y)
        )
        errors.append(float(np.abs(outflow[:, 2] + exact).max() / np.abs(exact).max()))
    assert errors[1] < 0.04
    assert errors[1] < 0.4 * errors[0]


def test_slow_oscillation_is_developed_flow_and_fast_is_flat() -> None:
    elements = build_elements(ring_tube(np.array([0.0, 1e-3]), 10, radius=4e-3))
    [inlet] = elements.domain.inlets
    developed = unit_outflow(elements, inlet)[1]
    slow = oscillating_outflow(elements, inlet, layer=1.0)[1]
    np.testing.assert_allclose(slow, developed, rtol=1e-4, atol=1e-4 * np.abs(developed).max())
    nodes, fast = oscillating_outflow(elements, inlet, layer=1e-4)
    inner = np.hypot(*elements.coordinates[nodes, :2].T) < 2.5e-3
    assert np.ptp(np.abs(fast[inner, 2])) < 0.02 * np.abs(fast[inner, 2]).mean()


@pytest.mark.parametrize("degree", [1, 2])
def test_the_flux_is_that_of_the_waveform_at_any_time(degree: int) -> None:
    """Also of a waveform with corners, which its harmonics do not reach."""
    elements = build_elements(ring_tube(np.array([0.0, 1e-3]), 4, radius=3e-3), degree)
    [inlet] = elements.domain.inlets
    waveform = Waveform(np.array([0.0, 0.05, 0.06, 0.3]), np.array([0.0, 2e-5, -1e-5, 1e-6]), 0.5)
    facets = elements.patch_facets(inlet)
    for shape in (
        WomersleyShape(elements, inlet, waveform=waveform, viscosity=NU),
        SteadyShape(elements, inlet, layer=1e-3),
    ):
        for time in np.linspace(0.0, 1.0, 29):
            nodal = np.zeros_like(elements.coordinates)
            nodal[shape.nodes] = _velocity(shape, waveform(time), time)
            through = nodal[facets.nodes][:, :, 2] * facets.area_normals[:, None, 2] @ _shares(degree)
            flux = -float(through.sum())
            assert flux == pytest.approx(waveform(time), abs=1e-12 * 2e-5)


def test_harmonics_make_up_the_waveform() -> None:
    waveform = Waveform(np.array([0.0, 0.1, 0.2]), np.array([1.0, 4.0, 2.0]), 0.5)
    mean, amplitudes = harmonics_of(waveform, 200)
    times = np.linspace(0.0, 0.5, 50)
    phases = np.exp(2j * np.pi / 0.5 * np.outer(times, np.arange(1, 201)))
    assert mean == pytest.approx(waveform.mean(), rel=1e-6)
    np.testing.assert_allclose(mean + (phases @ amplitudes).real, waveform.sample(times), atol=0.01)


def test_flow_behind_the_inlet_is_developed_from_the_start() -> None:
    """Half way down a tube of one radius: Womersley's profile comes through, a flat one is far from developed."""
    flow = aortic(5.0)
    waveform = _waveform(flow, np.pi * flow.radius**2)
    domain = ring_tube(np.linspace(0.0, flow.length, 5), 8, radius=flow.radius)
    errors = {}
    for name, pulsations in (("womersley", {"inlet": waveform}), ("flat", {})):
        settings = replace(
            DEFAULTS["P1-P1"], inlet_layer=FLUID.oscillatory_layer(PERIOD), pulsations=pulsations
        )
        stepper = build_stepper(domain, FLUID, "P1-P1", settings)
        circuit = FixedPressures(stepper.ports[1:])
        state = stepper.initial_state(circuit, velocity=lambda x: flow.velocity(x, 0.0))
        nodes = np.flatnonzero(np.isclose(stepper.elements.coordinates[:, 2], 0.5 * flow.length))
        square = total = 0.0
        for _ in range(100):
            inflow = np.array([waveform(state.time + PERIOD / 100)])
            state, _ = stepper.advance(state, PERIOD / 100, circuit, inflow)
            exact = flow.velocity(stepper.elements.coordinates[nodes], state.time)
            square += float(((state.velocity[nodes] - exact) ** 2).sum())
            total += float((exact**2).sum())
        errors[name] = np.sqrt(square / total)
    assert errors["womersley"] < 0.04
    assert errors["flat"] > 2.0 * errors["womersley"]


def _velocity(shape: InletFlow, inflow: float, time: float) -> FloatArray:
    """(k, d) at the nodes of the inlet."""
    return np.tensordot(shape.coefficients(inflow, time), shape.shapes, axes=1)


def _waveform(flow: Womersley, area: float) -> Waveform:
    """The flow of the exact solution [m³/s]."""
    times = PERIOD / 4000 * np.arange(4000)
    radii = np.linspace(0.0, flow.radius, 400)
    points = np.column_stack([radii, 0.0 * radii, 0.0 * radii])
    few = times[::20]
    flows = [2.0 * np.pi * np.trapezoid(flow.velocity(points, t)[:, 2] * radii, radii) for t in few]
    return Waveform(few, np.array(flows), PERIOD)


def _box_with_inlet(cells: int) -> Domain:
    """The cube [-1, 1]³ with its lower face as inlet and the others as wall."""
    domain = box(3, cells)
    [wall] = domain.patches
    facets = domain.facet_tags.indices
    centres = dmesh.compute_midpoints(domain.mesh, 2, facets)
    tags = np.where(centres[:, 2] < -1.0 + 1e-9, 2, 1).astype(np.int32)
    inlet = Patch(name="inlet", role=Role.INLET, tag=2, area=4.0, centre=(0, 0, -1), normal=(0, 0, -1))
    return replace(domain, facet_tags=dmesh.meshtags(domain.mesh, 2, facets, tags), patches=(wall, inlet))


def _shares(degree: int) -> FloatArray:
    """Integrals of the basis functions of a triangle, as shares of its area."""
    return np.full(3, 1.0 / 3.0) if degree == 1 else np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]) / 3.0
