"""The mean age of flows where it is known."""

import numpy as np
import pytest

from cfd.fluid import Fluid
from cfd.linear_step import LinearStep
from cfd.residence import mean_age
from tests.cfd.tube import tube

RADIUS, LENGTH, SPEED = 2e-3, 8e-3, 0.1


@pytest.fixture(scope="module")
def stepper():
    return LinearStep(tube(RADIUS, LENGTH, 8, 8), Fluid(density=1060.0, viscosity=0.004))


def test_plug_flow_ages_along_the_tube(stepper):
    points = stepper.vertices.coordinates
    age = mean_age(stepper, np.tile([0.0, 0.0, SPEED], (len(points), 1)), diffusivity=1e-12)
    np.testing.assert_allclose(age, points[:, 2] / SPEED, atol=1e-6 * LENGTH / SPEED)


def test_blood_leaves_with_the_age_volume_over_flow(stepper):
    """Weighted with the flux through the outlet, the age is that of every steady flow: volume over flow."""
    vertices = stepper.vertices
    points = vertices.coordinates
    along = 2.0 * SPEED * (1.0 - (points[:, 0] ** 2 + points[:, 1] ** 2) / RADIUS**2)
    velocity = np.column_stack([0.0 * along, 0.0 * along, along])
    age = mean_age(stepper, velocity, diffusivity=1e-7)
    outlet = vertices.patch_facets(*stepper.outlets)
    products = (age[outlet.nodes][:, :, None] * along[outlet.nodes][:, None, :]).sum(axis=(1, 2))
    products += (age[outlet.nodes] * along[outlet.nodes]).sum(axis=1)
    flux = float((outlet.areas / 12.0) @ products)
    flow = float(outlet.areas @ along[outlet.nodes].mean(axis=1))
    assert flux / flow == pytest.approx(vertices.volumes.sum() / flow, rel=5e-3)
    axis = np.hypot(*points[:, :2].T) < 0.1 * RADIUS
    np.testing.assert_allclose(age[axis], points[axis, 2] / (2.0 * SPEED), atol=0.02 * LENGTH / SPEED)


def test_fluid_at_rest_is_as_old_as_diffusion_lets_it(stepper):
    """-D a'' = 1 between the inlet and a closed end: a = (2 L z - z²) / (2 D)."""
    points = stepper.vertices.coordinates
    age = mean_age(stepper, np.zeros_like(points), diffusivity=1e-6)
    z = points[:, 2]
    np.testing.assert_allclose(age, (2 * LENGTH * z - z**2) / 2e-6, atol=0.01 * LENGTH**2 / 2e-6)
