from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from lumped.blocks.compartment_laws import transmural_pressure
from lumped.blocks.compartments import COMPARTMENTS
from lumped.blocks.record import Blood, unit_factor

MMHG, ML = unit_factor("mmHg"), 1e-6
E = MMHG / ML
PARAMETERS = {
    "vessel": {"compliance": 0.17 / E, "unstressed_volume": 24.0 * ML},
    "stiffening_vessel": {
        "elastance": 0.3 * E,
        "unstressed_volume": 24.0 * ML,
        "stiffening_volume": 9.0 * ML,
    },
    "elastance_chamber": {
        "diastolic_elastance": 2.6 * E,
        "systolic_elastance": 53.0 * E,
        "unstressed_volume": 0.5 * ML,
    },
    "filling_chamber": {
        "systolic_elastance": 53.0 * E,
        "diastolic_elastance": 1.1 * E,
        "unstressed_volume": 0.5 * ML,
        "stiffening_volume": 4.0 * ML,
    },
    "fibre_chamber": {
        "unstressed_volume": 4.0 * ML,
        "wall_volume": 9.0 * ML,
        "active_stress": 60e3,
    },
}
MIDDLE = {name: values["unstressed_volume"] for name, values in PARAMETERS.items()}


def numbers(kind: str, **changes: float) -> tuple[int, np.ndarray]:
    """Law and numbers of a compartment."""
    record = COMPARTMENTS[kind]
    return record.law, np.array(record.pack(record.complete({**PARAMETERS[kind], **changes}), Blood()))


def pressure(kind: str, V: float, a: float = 0.0, **changes: float) -> float:
    law, p = numbers(kind, **changes)
    return float(transmural_pressure(law, p, 0, V, a)[0])


@pytest.mark.parametrize("kind", PARAMETERS)
@pytest.mark.parametrize("a", [0.0, 0.37, 1.0])
def test_slope_is_the_derivative(kind: str, a: float) -> None:
    law, p = numbers(kind)
    for V in MIDDLE[kind] * np.array([0.2, 0.7, 0.99, 1.01, 1.4, 2.5]):
        p0, slope = transmural_pressure(law, p, 0, V, a)
        moved, _ = transmural_pressure(law, p, 0, complex(V, 1e-30), a)
        assert moved.real == pytest.approx(p0, rel=1e-14)
        assert slope == pytest.approx(moved.imag / 1e-30, rel=1e-12)


@pytest.mark.parametrize("kind", PARAMETERS)
def test_pressure_and_slope_have_no_jumps(kind: str) -> None:
    """Where a wall goes slack or a fibre passes its rest length, Newton's method must not meet a step."""
    law, p = numbers(kind)
    for a in (0.0, 0.6):
        V = MIDDLE[kind] * np.linspace(0.1, 2.0, 40001)
        values = np.array([transmural_pressure(law, p, 0, each, a) for each in V])
        for column in values.T:
            jumps = np.abs(np.diff(column))
            assert jumps.max() < 2e-3 * np.ptp(column) + 1e-9 * np.abs(column).max()


@pytest.mark.parametrize("kind", PARAMETERS)
def test_derivative_in_the_parameters_passes_through(kind: str) -> None:
    """A complex step in a parameter gives the same derivative as central differences."""
    record = COMPARTMENTS[kind]
    full = record.complete(PARAMETERS[kind])
    V = 1.3 * MIDDLE[kind]

    def wall(name: str, step: complex) -> complex:
        moved = {**full, name: full[name] + step}
        p = np.array(record.pack(moved, Blood()), dtype=np.complex128)  # type: ignore[arg-type]
        return complex(transmural_pressure(record.law, p, 0, complex(V), 0.5 + 0.0j)[0])

    for name, value in full.items():
        h = 1e-6 * value
        exact = wall(name, 1e-30j * value).imag / (1e-30 * value)
        central = (wall(name, h) - wall(name, -h)).real / (2.0 * h)
        assert exact == pytest.approx(central, rel=1e-6, abs=1e-8 * abs(wall(name, 0.0)) / value)


def test_vessel_holds_its_unstressed_volume_at_no_pressure() -> None:
    assert pressure("vessel", 24.0 * ML) == 0.0
    assert pressure("vessel", (24.0 + 0.17 * 50.0) * ML) == pytest.approx(50.0 * MMHG)


def test_stiffening_vessel_grows_stiffer_by_e() -> None:
    """The slope is E at the unstressed volume and below, and e times that a stiffening volume farther on."""
    law, p = numbers("stiffening_vessel")
    slopes = [transmural_pressure(law, p, 0, V * ML, 0.0)[1] for V in (10.0, 24.0, 33.0)]
    assert slopes == pytest.approx([0.3 * E, 0.3 * E, 0.3 * E * math.e])
    area = quad(lambda V: transmural_pressure(law, p, 0, V * ML, 0.0)[1] * ML, 24.0, 40.0)[0]
    assert pressure("stiffening_vessel", 40.0 * ML) == pytest.approx(area)


def test_chamber_lies_on_its_diastolic_and_systolic_lines() -> None:
    V = 5.5 * ML
    assert pressure("elastance_chamber", V, 0.0) == pytest.approx(2.6 * 5.0 * MMHG)
    assert pressure("elastance_chamber", V, 1.0) == pytest.approx(53.0 * 5.0 * MMHG)
    assert pressure("filling_chamber", V, 1.0) == pytest.approx(53.0 * 5.0 * MMHG)
    passive = 1.1 * 4.0 * (math.exp(5.0 / 4.0) - 1.0)
    assert pressure("filling_chamber", V, 0.0) == pytest.approx(passive * MMHG)


def sphere_pressure(fibre_stress: float, cavity: float, wall: float) -> float:
    """Cavity pressure of a thick sphere whose fibres run along its surface in all directions.

    Radial equilibrium d(sr)/dr = 2 (st - sr) / r with sr the pressure that the tissue bears, and 2 (st - sr) equal to
    the stress of the fibres, integrated from the cavity to the outside.
    """
    inner, outer = ((3.0 * V / (4.0 * math.pi)) ** (1.0 / 3.0) for V in (cavity, cavity + wall))
    return float(quad(lambda r: fibre_stress / r, inner, outer, epsabs=0.0, epsrel=1e-12)[0])


def test_contracted_fibres_press_as_a_thick_sphere() -> None:
    """At the rest length of its fibres the passive stress vanishes: the pressure is that of the active stress alone."""
    expected = sphere_pressure(60e3, 4.0 * ML, 9.0 * ML)
    assert pressure("fibre_chamber", 4.0 * ML, 1.0) == pytest.approx(expected, rel=1e-10)
    assert pressure("fibre_chamber", 4.0 * ML, 0.5) == pytest.approx(0.5 * expected, rel=1e-10)
    assert pressure("fibre_chamber", 4.0 * ML, 0.0) == 0.0


def test_thin_fibre_wall_obeys_laplace() -> None:
    """p = 2 (sigma / 2) h / r: fibres in all directions of a thin sphere bear half their stress in each."""
    V0, Vw = 4.0 * ML, 0.004 * ML
    radius = (3.0 * V0 / (4.0 * math.pi)) ** (1.0 / 3.0)
    thickness = Vw / (4.0 * math.pi * radius**2)
    p = pressure("fibre_chamber", V0, 1.0, wall_volume=Vw)
    assert p == pytest.approx(60e3 * thickness / radius, rel=1e-3)


def test_fibres_stretch_with_the_middle_of_the_wall() -> None:
    """At a larger cavity: fibres lengthen as the sphere that encloses the cavity and a third of the wall."""
    V0, Vw, V = 4.0 * ML, 9.0 * ML, 7.0 * ML
    radii = [(3.0 * (cavity + Vw / 3.0) / (4.0 * math.pi)) ** (1.0 / 3.0) for cavity in (V0, V)]
    stress = 900.0 * (math.exp(12.0 * (radii[1] / radii[0] - 1.0)) - 1.0)
    assert pressure("fibre_chamber", V) == pytest.approx(sphere_pressure(stress, V, Vw), rel=1e-10)


def test_contracted_fibres_at_their_shortest_bear_nothing() -> None:
    """Cavity and a third of the wall are 7 mL, and 0.9³ of it at a slack stretch of 0.9: a cavity of 2.103 mL."""
    V = (7.0 * 0.9**3 - 3.0) * ML
    assert V == pytest.approx(2.103 * ML)
    relaxed, contracted = (
        [pressure("fibre_chamber", share * V, a, slack_stretch=0.9) for share in (0.9, 0.999, 1.001)]
        for a in (0.0, 1.0)
    )
    assert contracted[:2] == relaxed[:2]
    assert contracted[2] > relaxed[2]
