"""Vortex quantities of velocity fields whose derivatives are known."""

import numpy as np
import pytest

from cfd.elements import build_elements
from cfd.vortices import helicity, q_criterion, velocity_gradient, vortex_fields, vorticity
from tests.cfd.tube import tube

SPIN = np.array([0.3, -0.2, 1.1])


@pytest.fixture(scope="module")
def vertices():
    return build_elements(tube(2e-3, 8e-3, 6, 6), 1)


def test_linear_field_has_its_exact_gradient_everywhere(vertices):
    exact = np.array([[1.0, 2.0, -0.5], [0.3, -1.4, 0.2], [0.7, 0.1, 0.4]])
    found = velocity_gradient(vertices, vertices.coordinates @ exact.T + 0.1)
    np.testing.assert_allclose(found, np.broadcast_to(exact, found.shape), atol=1e-12)


def test_rigid_rotation(vertices):
    """u = w × x: the vorticity is 2 w, Q = |w|², and nothing strains."""
    gradient = velocity_gradient(vertices, np.cross(SPIN, vertices.coordinates))
    np.testing.assert_allclose(
        vorticity(gradient), np.broadcast_to(2.0 * SPIN, (vertices.nodes, 3)), atol=1e-12
    )
    np.testing.assert_allclose(q_criterion(gradient), SPIN @ SPIN, rtol=1e-10)


def test_pure_strain_and_pure_shear():
    """u = (s x, -s y, 0): Q = -s²; u = (g y, 0, 0): rotation and strain are equal, Q = 0."""
    strain, shear = np.diag([3.0, -3.0, 0.0]), np.zeros((3, 3))
    shear[0, 1] = 5.0
    np.testing.assert_allclose(q_criterion(np.array([strain, shear])), [-9.0, 0.0], atol=1e-14)
    np.testing.assert_allclose(vorticity(shear[None]), [[0.0, 0.0, -5.0]])


def test_helix(vertices):
    """Rotation w about z with an axial velocity U: u.omega = 2 w U; on the axis both are parallel."""
    w, speed = -40.0, 0.2
    velocity = np.cross([0.0, 0.0, w], vertices.coordinates) + [0.0, 0.0, speed]
    fields = vortex_fields(vertices, velocity)
    np.testing.assert_allclose(fields["helicity"], 2.0 * w * speed, rtol=1e-9)
    radius = np.hypot(*vertices.coordinates[:, :2].T)
    cosine = -speed / np.hypot(speed, w * radius)
    np.testing.assert_allclose(fields["normalised_helicity"], cosine, rtol=1e-9)


def test_abc_flow_is_parallel_to_its_vorticity(vertices):
    """Arnold–Beltrami–Childress flow: omega = k u, so that H = k |u|² and H_n = 1."""
    k = 100.0
    x, y, z = k * vertices.coordinates.T
    velocity = np.column_stack([np.sin(z) + np.cos(y), np.sin(x) + np.cos(z), np.sin(y) + np.cos(x)])
    fields = vortex_fields(vertices, velocity)
    inner = (np.hypot(*vertices.coordinates[:, :2].T) < 1e-3) & (
        np.abs(vertices.coordinates[:, 2] - 4e-3) < 3e-3
    )
    exact = k * (velocity**2).sum(axis=1)
    assert np.abs(fields["helicity"] - exact)[inner].max() < 0.03 * exact[inner].max()
    assert fields["normalised_helicity"][inner].min() > 0.99


def test_still_fluid_has_no_normalised_helicity():
    density, normalised = helicity(np.zeros((3, 3)), np.ones((3, 3)))
    assert not density.any()
    assert not normalised.any()
