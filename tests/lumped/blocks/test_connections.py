"""What a connection of a given shape costs, against closed forms, integrals and hand calculation."""

from __future__ import annotations

import math

import pytest
from scipy.integrate import quad

from lumped.blocks.connections import CONNECTIONS, area, cone_resistance
from lumped.blocks.record import Blood, unit_factor

BLOOD = Blood(density=1060.0, viscosity=0.0035)
MMHG, MM = unit_factor("mmHg"), 1e-3


def numbers(kind: str, **values: float) -> list[float]:
    record = CONNECTIONS[kind]
    return list(record.pack(record.complete(values), BLOOD))


@pytest.mark.parametrize(("diameter", "drop"), [(3.0, 14.7), (3.5, 8.0), (4.0, 4.7)])
def test_systemic_shunt_at_ten_millilitres_a_second(diameter: float, drop: float) -> None:
    """20 mm tube, Kt 1.52, 3.5 mPa s: the pressure drops of the reference table of Blalock–Taussig shunts."""
    R, K, _ = numbers("conduit", diameter=diameter * MM, length=20 * MM, loss_coefficient=1.52)
    Q = 1e-5
    assert (R * Q + K * Q * Q) / MMHG == pytest.approx(drop, abs=0.05)


@pytest.mark.parametrize(("first", "second"), [(6.0, 2.5), (2.0, 7.0), (4.0, 4.0)])
def test_cone_is_the_integral_of_poiseuille(first: float, second: float) -> None:
    def diameter(x: float) -> float:
        return (first + (second - first) * x) * MM

    integral = quad(lambda x: 128.0 * 0.0035 / (math.pi * diameter(x) ** 4), 0.0, 1.0, epsrel=1e-12)[0]
    assert cone_resistance(first * MM, second * MM, 12 * MM, BLOOD) == pytest.approx(
        12 * MM * integral, rel=1e-10
    )


def test_duct_loses_at_the_end_where_blood_enters_and_where_it_leaves() -> None:
    """Into the narrow end: half the dynamic pressure there; out of the wide end: all of what is left there."""
    values = {"first_diameter": 6 * MM, "second_diameter": 3 * MM, "length": 10 * MM}
    _, forward, backward = numbers("duct", **values)
    wide, narrow = (0.5 * 1060.0 / area(d * MM) ** 2 for d in (6.0, 3.0))
    assert forward == pytest.approx(0.5 * wide + 1.0 * narrow)
    assert backward == pytest.approx(0.5 * narrow + 1.0 * wide)
    turned = numbers("duct", first_diameter=3 * MM, second_diameter=6 * MM, length=10 * MM)
    assert (turned[1], turned[2]) == (backward, forward)


def test_narrowing_by_hand() -> None:
    """Coarctation of 2.5 mm, 5 mm long, in an aorta of 6 mm, at 5 mL/s.

    U = 0.17684 m/s, (A/a) = 5.76, La = 0.83 * 5 + 1.64 * 2.5 = 8.25 mm: viscous 32 * 8.25/6 * 5.76² * 0.0035 *
    0.17684 / 0.006 = 150.6 Pa; turbulent 0.5 * 1.52 * 1060 * 4.76² * 0.17684² = 570.8 Pa.
    """
    R, K, _ = numbers("narrowing", vessel_diameter=6 * MM, diameter=2.5 * MM, length=5 * MM)
    Q = 5e-6
    assert R * Q == pytest.approx(150.6, rel=1e-3)
    assert K * Q * Q == pytest.approx(570.8, rel=1e-3)


def test_inertia_of_a_narrowing_by_hand() -> None:
    """Ku rho l / A = 1.2 * 1060 * 0.005 / 2.8274e-5 = 2.2494e5 Pa s²/m³."""
    *_, L = numbers("inertial_narrowing", vessel_diameter=6 * MM, diameter=2.5 * MM, length=5 * MM)
    assert L == pytest.approx(2.2494e5, rel=1e-4)


def test_conduit_is_poiseuille_and_its_plug() -> None:
    R, K, _, L = numbers("inertial_conduit", diameter=4 * MM, length=30 * MM, loss_coefficient=0.0)
    assert R == pytest.approx(8.0 * 0.0035 * 0.03 / (math.pi * 0.002**4))
    assert K == 0.0
    assert L == pytest.approx(1060.0 * 0.03 / (math.pi * 0.002**2))


def test_hole_at_high_and_at_low_flow() -> None:
    """A jet of Torricelli's speed through 70 % of the hole; creeping flow a³ dp / (3 mu) through a hole of radius a."""
    R, K, back = numbers("hole", diameter=3 * MM)
    drop = 30.0 * MMHG
    jet = 0.7 * area(3 * MM) * math.sqrt(2.0 * drop / 1060.0)
    assert K * jet**2 == pytest.approx(drop)
    assert 1.0 / R == pytest.approx((1.5 * MM) ** 3 / (3.0 * 0.0035))
    assert back == K


def test_hole_of_two_millimetres_beside_what_was_measured() -> None:
    """200–300 mL/min at 20–40 mmHg through 2.0 mm in a child of 3 kg (Norwood study).

    With 0.7 of the area in the jet it lies within that at the lower pressure, and up to two fifths above it at the
    higher one.
    """
    R, K, _ = numbers("hole", diameter=2 * MM)

    def flow(drop: float) -> float:
        return (-R + math.sqrt(R * R + 4.0 * K * drop * MMHG)) / (2.0 * K) * 6e7

    assert 200.0 < flow(20.0) < 300.0
    assert 300.0 < flow(40.0) < 1.4 * 300.0


def test_flap_is_a_hole_that_leaks_through_its_leak_alone() -> None:
    R, K, width, leak = numbers("flap", diameter=5 * MM, opening_pressure=0.2 * MMHG)
    assert [R, K] == numbers("hole", diameter=5 * MM)[:2]
    assert (width, leak) == (0.2 * MMHG, 0.0)
    leak = numbers("flap", diameter=5 * MM, leak_diameter=2 * MM)[3]
    assert leak == pytest.approx(numbers("hole", diameter=2 * MM)[1])


def test_narrowing_must_be_narrower_than_its_vessel() -> None:
    check = CONNECTIONS["narrowing"].check
    assert check({"vessel_diameter": 6e-3, "diameter": 6e-3})
    assert not check({"vessel_diameter": 6e-3, "diameter": 5.9e-3})
