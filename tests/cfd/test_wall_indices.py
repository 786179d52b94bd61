"""Indices of wall shear stresses that are known functions of time."""

import numpy as np
import pytest

from cfd.wall_indices import LONGEST_RESIDENCE, wall_indices

TIMES = np.linspace(0.0, 1.0, 4000, endpoint=False)


def indices_of(stress):
    """Of one place with the stress (t, 3) at evenly spaced times of a cycle."""
    count = len(stress)
    return wall_indices(
        stress.mean(axis=0)[None],
        np.array([np.linalg.norm(stress, axis=1).mean()]),
        stress[None],
        np.full(count, 1.0 / count),
    )


def along_x(values):
    return np.column_stack([values, 0.0 * values, 0.0 * values])


def test_steady_stress():
    found = indices_of(along_x(np.full(TIMES.size, 2.0)))
    assert found.tawss[0] == pytest.approx(2.0)
    assert found.osi[0] == pytest.approx(0.0, abs=1e-12)
    assert found.rrt[0] == pytest.approx(0.5)
    assert found.transwss[0] == pytest.approx(0.0, abs=1e-12)


def test_sine_without_mean_oscillates_fully():
    """tau = a sin: TAWSS = 2 a / pi, OSI = 1/2, and the residence time has no bound but the cut-off."""
    found = indices_of(along_x(3.0 * np.sin(2 * np.pi * TIMES)))
    assert found.tawss[0] == pytest.approx(6.0 / np.pi, rel=1e-5)
    assert found.osi[0] == pytest.approx(0.5, abs=1e-9)
    assert found.rrt[0] == LONGEST_RESIDENCE


def test_sine_about_a_mean():
    """tau = m + a sin with a > m: reversed for acos(m/a)/pi of the cycle.

    The mean of |tau| is (2/pi) (m asin(m/a) + sqrt(a² - m²)), and RRT = 1/m.
    """
    m, a = 1.0, 2.0
    found = indices_of(along_x(m + a * np.sin(2 * np.pi * TIMES)))
    tawss = 2.0 / np.pi * (m * np.arcsin(m / a) + np.sqrt(a**2 - m**2))
    assert found.tawss[0] == pytest.approx(tawss, rel=1e-5)
    assert found.osi[0] == pytest.approx(0.5 * (1.0 - m / tawss), rel=1e-5)
    assert found.rrt[0] == pytest.approx(1.0 / m, rel=1e-9)
    assert found.rrt[0] == pytest.approx(1.0 / ((1.0 - 2.0 * found.osi[0]) * found.tawss[0]), rel=1e-9)


def test_rotating_stress():
    """m along x and a vector of length a that turns: what is across the mean is a |sin|, of mean 2 a / pi."""
    m, a = 1.5, 0.8
    angle = 2 * np.pi * TIMES
    found = indices_of(np.column_stack([m + a * np.cos(angle), a * np.sin(angle), 0.0 * angle]))
    assert found.transwss[0] == pytest.approx(2.0 * a / np.pi, rel=1e-5)
    assert found.rrt[0] == pytest.approx(1.0 / m, rel=1e-9)


def test_uneven_times_are_weighted():
    stress = np.array([[[1.0, 1.0, 0.0], [1.0, -3.0, 0.0]]])
    weights = np.array([0.75, 0.25])
    mean = np.einsum("s,nsd->nd", weights, stress)
    found = wall_indices(mean, np.array([2.0]), stress, weights)
    assert found.transwss[0] == pytest.approx(0.75 * 1.0 + 0.25 * 3.0)


def test_place_without_stress_has_zeros():
    found = indices_of(np.zeros((10, 3)))
    for values in (found.tawss, found.osi, found.rrt, found.transwss):
        assert values[0] == 0.0
