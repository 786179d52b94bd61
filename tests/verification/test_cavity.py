"""The driven cavity: the extrema of the velocity on its centre lines against published values, square and cube.

Square, Re 100: C. H. Marchi, R. Suero, L. K. Araki, J. Braz. Soc. Mech. Sci. Eng. 31 (2009) 186–198, DOI
10.1590/S1678-58782009000300004 (1024² volumes, extrapolated). Re 400: U. Ghia, K. N. Ghia, C. T. Shin, J. Comput. Phys.
48 (1982) 387–411, DOI 10.1016/0021-9991(82)90058-4, Tables I and II (their v at x = 0.9063 is a misprint and is left
out). Re 1000: O. Botella, R. Peyret, Comput. Fluids 27 (1998) 421–433, DOI 10.1016/S0045-7930(98)00002-4 (spectral).
Cube, Re 1000: S. Albensoeder, H. C. Kuhlmann, J. Comput. Phys. 206 (2005) 536–558, DOI 10.1016/j.jcp.2004.12.024
(spectral; extrema as cited in B. Ben Beya, T. Lili, C. R. Mécanique 336 (2008) 863–872, Table 1).
"""

from dataclasses import dataclass

import numpy as np
import pytest

from cfd.monolithic import Monolithic
from cfd.monolithic_boundary import still
from tests.verification.cavity_mesh import LID, MIRROR, WALLS, cavity

GHIA_Y = [0.0547, 0.0625, 0.0703, 0.1016, 0.1719, 0.2813, 0.4531, 0.5, 0.6172, 0.7344, 0.8516, 0.9531, 0.9609]
GHIA_U = [
    -0.08186,
    -0.09266,
    -0.10338,
    -0.14612,
    -0.24299,
    -0.32726,
    -0.17119,
    -0.11477,
    0.02135,
    0.16256,
    0.29093,
]
GHIA_U += [0.55892, 0.61756]
GHIA_X = [
    0.0625,
    0.0703,
    0.0781,
    0.0938,
    0.1563,
    0.2266,
    0.2344,
    0.5,
    0.8047,
    0.8594,
    0.9453,
    0.9531,
    0.9609,
    0.9688,
]
GHIA_V = [
    0.18360,
    0.19713,
    0.20920,
    0.22965,
    0.28124,
    0.30203,
    0.30174,
    0.05186,
    -0.38598,
    -0.44993,
    -0.22847,
]
GHIA_V += [-0.19254, -0.15663, -0.12146]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extrema:
    """Least u on the line x = 0.5 and least and largest v on the line y = 0.5, over the speed of the lid, and where."""

    u_min: float
    y_u_min: float
    v_min: float
    x_v_min: float
    v_max: float
    x_v_max: float


def moving(x, t):
    velocity = np.zeros_like(x)
    velocity[:, 0] = 1.0
    return velocity


def flow(dimension, reynolds, cells):
    """The steady flow, and a function that gives (u, v) at points of the middle plane."""
    domain = cavity(dimension, cells, half=dimension == 3)
    solver = Monolithic(
        domain.mesh,
        domain.facet_tags,
        density=1.0,
        viscosity=1.0 / reynolds,
        velocity={LID: moving, WALLS: still},
        symmetry={MIRROR: 2} if dimension == 3 else None,
    )
    state = solver.solve_steady()

    def velocity(x, y):
        points = np.full((len(x), dimension), 0.5)
        points[:, 0], points[:, 1] = x, y
        return solver.velocity_at(state, points)[:, :2]

    return velocity


def extrema(velocity) -> Extrema:
    s = np.linspace(0.005, 0.995, 397)
    middle = np.full_like(s, 0.5)
    u, v = velocity(middle, s)[:, 0], velocity(s, middle)[:, 1]

    def extremum(values, k):
        near = slice(k - 4, k + 5)
        fit = np.polynomial.Polynomial.fit(s[near], values[near], 4)
        fine = np.linspace(s[k - 2], s[k + 2], 2001)
        best = np.abs(fit(fine)).argmax()
        return float(fit(fine)[best]), float(fine[best])

    (u_min, y_u_min), (v_min, x_v_min) = extremum(u, u.argmin()), extremum(v, v.argmin())
    v_max, x_v_max = extremum(v, v.argmax())
    return Extrema(u_min=u_min, y_u_min=y_u_min, v_min=v_min, x_v_min=x_v_min, v_max=v_max, x_v_max=x_v_max)


def test_square_at_reynolds_100():
    found = extrema(flow(2, 100, 32))
    assert found.u_min == pytest.approx(-0.2140417, abs=1e-4)
    assert found.v_max == pytest.approx(0.1795728, abs=1e-4)
    assert found.v_min == pytest.approx(-0.2538030, abs=1e-4)


def test_square_at_reynolds_400():
    """Ghia's second-order values are good to about 0.6 per cent of the lid's speed."""
    velocity = flow(2, 400, 32)
    middle = np.full(20, 0.5)
    u = velocity(middle[: len(GHIA_Y)], np.array(GHIA_Y))[:, 0]
    v = velocity(np.array(GHIA_X), middle[: len(GHIA_X)])[:, 1]
    np.testing.assert_allclose(u, GHIA_U, atol=7e-3)
    np.testing.assert_allclose(v, GHIA_V, atol=7e-3)


def test_square_at_reynolds_1000():
    found = extrema(flow(2, 1000, 40))
    assert found.u_min == pytest.approx(-0.3885698, abs=5e-4)
    assert found.v_max == pytest.approx(0.3769447, abs=5e-4)
    assert found.v_min == pytest.approx(-0.5270771, abs=5e-4)
    assert (found.y_u_min, found.x_v_max, found.x_v_min) == pytest.approx((0.1717, 0.1578, 0.9092), abs=2e-3)


@pytest.mark.slow
def test_cube_at_reynolds_1000():
    """Half of the cube in 3,072 tetrahedra; the end walls take a quarter of the strength of the plane flow's vortex.

    With 12 cells along each side instead of 8, u_min is 0.7 %, v_max 0.7 % and v_min 1.7 % off.
    """
    found = extrema(flow(3, 1000, 8))
    assert found.u_min == pytest.approx(-0.2803833, rel=0.06)
    assert found.v_max == pytest.approx(0.2466511, rel=0.04)
    assert found.v_min == pytest.approx(-0.4350186, rel=0.13)
    assert found.x_v_min == pytest.approx(0.90957, abs=0.01)
