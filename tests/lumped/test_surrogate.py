from __future__ import annotations

import math

import numpy as np
import pytest

from hemoplan.errors import BoundaryError
from lumped.surrogate import (
    Branch,
    Surrogate,
    VesselPath,
    clip,
    inertance,
    narrowing_loss,
    poiseuille_resistance,
    stenosis_loss,
    surrogate_from_paths,
)

RHO, MU = 1060.0, 4.0e-3


def tube(length: float, *radii: float, points: int = 2) -> VesselPath:
    s = np.linspace(0.0, length, points)
    return VesselPath(arc_length=s, radius=np.interp(s, np.linspace(0.0, length, len(radii)), radii))


def test_straight_tube_is_poiseuille() -> None:
    # 8 mu L / (pi r^4) and rho L / (pi r^2) of a tube of 20 mm, 2 mm in radius.
    assert poiseuille_resistance(tube(0.020, 2e-3, 2e-3), MU) == pytest.approx(1.2732395447e7, rel=1e-9)
    assert inertance(tube(0.020, 2e-3, 2e-3), RHO) == pytest.approx(1.6870424e6, rel=1e-7)


def test_cone_is_exact_with_two_points() -> None:
    """Integrals over a cone: L / (3 (r1 - r2)) (1/r2³ - 1/r1³) of r^-4, and L / (r1 r2) of r^-2."""
    length, r1, r2 = 0.030, 4e-3, 1e-3
    fourth = length / (3.0 * (r1 - r2)) * (1.0 / r2**3 - 1.0 / r1**3)
    for points in (2, 7, 100):
        cone = tube(length, r1, r2, points=points)
        assert poiseuille_resistance(cone, MU) == pytest.approx(8.0 * MU / math.pi * fourth, rel=1e-10)
        assert inertance(cone, RHO) == pytest.approx(RHO / math.pi * length / (r1 * r2), rel=1e-10)


def test_parts_add_up_to_the_whole() -> None:
    whole = tube(0.03, 4e-3, 2e-3, 3e-3, points=31)
    parts = clip(whole, 0.0, 0.0123), clip(whole, 0.0123, 0.03)
    assert sum(poiseuille_resistance(part, MU) for part in parts) == pytest.approx(
        poiseuille_resistance(whole, MU), rel=1e-12
    )


def test_borda_carnot_loss_of_a_sudden_widening() -> None:
    """rho/2 (u1 - u2)² = 530 (4 - 1)² = 4770 Pa, for 4 m/s in the throat and 1 m/s behind it."""
    flow, throat = 4e-6, 1e-6
    assert stenosis_loss(throat, 4e-6, RHO, turbulence=1.0) * flow**2 == pytest.approx(4770.0, rel=1e-12)


def test_only_a_throat_with_a_wider_vessel_behind_it_loses() -> None:
    assert narrowing_loss(tube(0.05, 4e-3, 2e-3, 1.5e-3, points=51), RHO) == 0.0
    assert narrowing_loss(tube(0.05, 3e-3, 3e-3, points=51), RHO) == 0.0
    coarctation = tube(0.05, 3e-3, 1.1e-3, 3.25e-3, 3.25e-3, 3.25e-3, points=401)
    expected = stenosis_loss(math.pi * 1.1e-3**2, math.pi * 3.25e-3**2, RHO)
    assert narrowing_loss(coarctation, RHO) == pytest.approx(expected, rel=1e-3)


def test_the_static_pressure_keeps_bernoulli_without_losses() -> None:
    """A frictionless tapering tube: p_in - p_out = rho/2 (u_out² - u_in²)."""
    surrogate = surrogate_from_paths("in", {"out": tube(0.02, 4e-3, 2e-3)}, density=RHO, viscosity=0.0)
    flow = 2e-5
    speeds = flow / (math.pi * np.array([4e-3, 2e-3]) ** 2)
    drop = (surrogate["out"].loss - surrogate.trunk.dynamic) * flow**2
    assert drop == pytest.approx(0.5 * RHO * (speeds[1] ** 2 - speeds[0] ** 2), rel=1e-12)


def test_trunk_is_counted_once() -> None:
    path = tube(0.05, 4e-3, 2e-3, points=51)
    apart = surrogate_from_paths("in", {"a": path, "b": path}, density=RHO, viscosity=MU, trunk_length=0.02)
    whole = surrogate_from_paths("in", {"a": path}, density=RHO, viscosity=MU)
    assert apart.trunk.resistance + apart["a"].resistance == pytest.approx(whole["a"].resistance, rel=1e-12)
    assert apart.trunk.inertance + apart["b"].inertance == pytest.approx(whole["a"].inertance, rel=1e-12)
    assert whole.trunk.resistance == 0.0


def test_impossible_vessels_are_named() -> None:
    with pytest.raises(BoundaryError, match="radius be positive"):
        tube(0.02, 2e-3, 0.0)
    with pytest.raises(BoundaryError, match="arc length of a vessel must increase"):
        VesselPath(arc_length=np.array([0.0, 0.0]), radius=np.array([1.0, 1.0]))
    with pytest.raises(BoundaryError, match="as many radii"):
        VesselPath(arc_length=np.array([0.0, 1.0]), radius=np.array([1.0]))
    with pytest.raises(BoundaryError, match="the loss of a branch is impossible"):
        Branch(resistance=1.0, loss=-1.0)
    with pytest.raises(BoundaryError, match="one branch for each outlet"):
        Surrogate(inlet="in", outlets=("a", "a"), branches=(Branch(resistance=1.0),) * 2)
