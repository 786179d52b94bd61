"""The edge of a blurred vessel, against discs that are blurred by quadrature."""

import numpy as np
import pytest

from geometry.surfaces.edge import edge_share, edge_slope, measure_blur


def blurred_disc(r: float, radius: float, sigma: float) -> float:
    """Share of a Gaussian around a point at r that lies in the disc, by midpoints on a fine grid."""
    x = np.linspace(-radius, radius, 2001)
    x = 0.5 * (x[1:] + x[:-1])
    half = np.sqrt(radius**2 - x**2)
    y = (np.arange(400) + 0.5) / 200.0 - 1.0
    inside = np.exp(-((x[:, None] - r) ** 2 + (half[:, None] * y) ** 2) / (2.0 * sigma**2))
    return float((inside * half[:, None]).sum() * (x[1] - x[0]) / 200.0 / (2.0 * np.pi * sigma**2))


@pytest.mark.parametrize("bend", [0.2, 0.5, 0.9, 1.3])
def test_share_and_slope_on_the_edge_of_a_disc(bend: float) -> None:
    sigma, radius, step = bend, 1.0, 1e-3
    share = edge_share(np.array([bend, -bend]))
    assert share[0] == pytest.approx(blurred_disc(radius, radius, sigma), rel=2e-3)
    assert share[1] == pytest.approx(1.0 - share[0])
    fall = blurred_disc(radius - step, radius, sigma) - blurred_disc(radius + step, radius, sigma)
    assert edge_slope(np.array([bend]))[0] / sigma == pytest.approx(fall / (2.0 * step), rel=2e-3)


def test_a_flat_wall_lies_at_the_half_maximum() -> None:
    assert edge_share(np.zeros(1))[0] == pytest.approx(0.5, abs=5e-4)
    assert edge_slope(np.zeros(1))[0] == pytest.approx(1.0 / np.sqrt(2.0 * np.pi), rel=1e-5)


@pytest.mark.parametrize("sigma", [0.2, 0.5, 0.8])
def test_the_blur_is_found_from_how_steep_edges_are(sigma: float) -> None:
    """Vessels of 1 to 3 mm: their brightness does not matter, only slope over height on the edge."""
    radii = np.array([1.0, 1.5, 2.0, 2.5, 3.0])
    steepness = []
    for radius in radii:
        fall = blurred_disc(radius - 1e-3, radius, sigma) - blurred_disc(radius + 1e-3, radius, sigma)
        steepness.append(fall / 2e-3 / blurred_disc(radius, radius, sigma))
    found = measure_blur(np.array(steepness), 1.0 / radii, low=0.05, high=5.0)
    assert found == pytest.approx(sigma, rel=0.01)


def test_the_blur_stays_within_its_limits() -> None:
    flat = np.zeros(5)
    assert measure_blur(np.full(5, 1e-3), flat, low=0.1, high=2.0) == 2.0
    assert measure_blur(np.full(5, 1e3), flat, low=0.1, high=2.0) == 0.1
