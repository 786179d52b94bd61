"""Endotracheal tube: Poiseuille, laws of bent and turbulent flow, Rohrer's fit."""

import math

import numpy as np
import pytest

from hemoplan.errors import CaseError
from lumped.lungs.mechanics import CMH2O
from lumped.lungs.tube import AIR_DENSITY, AIR_VISCOSITY, EndotrachealTube, pressure_loss, rohrer

PER_CMH2O_S_PER_L = 1.0 / (CMH2O * 1e3)
L_PER_MIN = 1e-3 / 60.0
SIZES = (2.5e-3, 3.0e-3, 3.5e-3, 4.0e-3)


@pytest.mark.parametrize(("size", "resistance"), list(zip(SIZES, (23.0, 11.1, 6.0, 3.5), strict=True)))
def test_published_poiseuille_resistance(size: float, resistance: float) -> None:
    """12 cm of tube in air: 23, 11.1, 6.0 and 3.5 cmH2O s/L."""
    tube = EndotrachealTube(inner_diameter=size)
    assert tube.poiseuille_resistance * PER_CMH2O_S_PER_L == pytest.approx(resistance, rel=0.006)


@pytest.mark.parametrize("size", SIZES)
def test_slow_flow_is_poiseuille(size: float) -> None:
    """Below a Dean number of 13.5 a bend does not matter."""
    tube = EndotrachealTube(inner_diameter=size)
    flow = 0.05 * L_PER_MIN
    assert pressure_loss(tube, flow) == pytest.approx(tube.poiseuille_resistance * flow, rel=1e-12)
    assert pressure_loss(tube, -flow) == -pressure_loss(tube, flow)
    assert pressure_loss(tube, 0.0) == 0.0


@pytest.mark.parametrize("flow", [1.0, 2.0, 4.0, 5.0])
def test_bent_laminar_flow_against_white(flow: float) -> None:
    """White (Proc. R. Soc. A 123, 1929) fitted the same flow otherwise: (1 - (1 - (11.6/De)^0.45)^2.22)^-1."""
    tube = EndotrachealTube(inner_diameter=2.5e-3)
    dean = tube.reynolds_number(flow * L_PER_MIN) * math.sqrt(tube.inner_diameter / (2.0 * tube.bend_radius))
    white = 1.0 / (1.0 - (1.0 - (11.6 / dean) ** 0.45) ** (1.0 / 0.45))
    found = pressure_loss(tube, flow * L_PER_MIN) / (tube.poiseuille_resistance * flow * L_PER_MIN)
    assert found == pytest.approx(white, rel=0.05)


def test_wide_tube_is_turbulent() -> None:
    """Blasius, as dP = 0.241 L rho^0.75 mu^0.25 Q^1.75 / d^4.75, for a 5 mm tube at 30 L/min (Re 8,000)."""
    tube, flow = EndotrachealTube(inner_diameter=5e-3, length=0.18), 30.0 * L_PER_MIN
    blasius = 0.241 * 0.18 * AIR_DENSITY**0.75 * AIR_VISCOSITY**0.25 * flow**1.75 / 5e-3**4.75
    assert pressure_loss(tube, flow) == pytest.approx(blasius, rel=0.005)


@pytest.mark.parametrize("size", SIZES)
def test_loss_rises_steadily(size: float) -> None:
    tube = EndotrachealTube(inner_diameter=size)
    losses = [pressure_loss(tube, 0.1 * k * L_PER_MIN) for k in range(1, 200)]
    resistances = [loss / (0.1 * k) for k, loss in enumerate(losses, start=1)]
    assert all(b > a for a, b in zip(losses[:-1], losses[1:], strict=True))
    assert all(b >= a * (1.0 - 1e-9) for a, b in zip(resistances[:-1], resistances[1:], strict=True))


@pytest.mark.parametrize("size", SIZES)
def test_rohrer_follows_the_tube(size: float) -> None:
    """Two coefficients hold the loss to 3 % of its greatest value."""
    tube, most = EndotrachealTube(inner_diameter=size, end_loss=0.5), 8.0 * L_PER_MIN
    fit = rohrer(tube, most)
    assert fit.linear >= 0.99 * tube.poiseuille_resistance and fit.quadratic > 0.0
    for k in range(1, 17):
        flow = most * k / 16.0
        assert fit.pressure_loss(flow) == pytest.approx(
            pressure_loss(tube, flow), abs=0.03 * pressure_loss(tube, most)
        )


def test_inertance_and_volume() -> None:
    """Momentum of Poiseuille's parabola by quadrature, rho L times the integral of u² over Q²; volume of the lumen."""
    tube = EndotrachealTube(inner_diameter=3.0e-3)
    r = np.linspace(0.0, 1.5e-3, 2001)
    u = 1.0 - (r / 1.5e-3) ** 2
    flow, momentum = (2.0 * np.pi * np.trapezoid(power * r, r) for power in (u, u**2))
    assert tube.inertance == pytest.approx(AIR_DENSITY * 0.12 * momentum / flow**2, rel=1e-5)
    assert tube.volume * 1e6 == pytest.approx(0.848, abs=0.001)


def test_refusals() -> None:
    with pytest.raises(CaseError, match=r"inner diameter is out of range \(value: 3500 mm\)"):
        EndotrachealTube(inner_diameter=3.5)
    with pytest.raises(CaseError, match="greatest flow"):
        rohrer(EndotrachealTube(inner_diameter=3e-3), 0.0)
