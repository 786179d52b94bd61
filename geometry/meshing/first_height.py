"""How thick boundary layers have to be: from the wall shear stress, or from the heart rate.

Symbols: nu kinematic viscosity, rho density, u_tau friction velocity, D and R diameter and radius, U mean velocity over
the section, Re = U D / nu.
"""

from __future__ import annotations

import math

from hemoplan.errors import MeshError

TURBULENT = 2300.0
"""Reynolds number of a pipe above which its flow does not stay laminar when it is disturbed."""


def stokes_thickness(kinematic_viscosity: float, period: float, *, harmonic: int = 1) -> float:
    """Thickness of the layer at the wall in which a pulsating flow is out of phase with the core [m].

    delta = sqrt(2 nu / omega), omega = 2 pi harmonic / period. With the Womersley number alpha = R sqrt(omega / nu),
    delta / R = sqrt(2) / alpha. The velocity departs from that of the core by a factor exp(-y / delta).

    Args:
        kinematic_viscosity: nu [m²/s].
        period: Of the heart [s].
        harmonic: Of the heart rate that is to be resolved; the layer of the n-th is thinner by sqrt(n).

    Source: Womersley, J Physiol 127, 1955, doi:10.1113/jphysiol.1955.sp005276.
    """
    _check(kinematic_viscosity=kinematic_viscosity, period=period, harmonic=harmonic)
    return math.sqrt(kinematic_viscosity * period / (math.pi * harmonic))


def first_height(thickness: float, *, count: int, growth: float) -> float:
    """Height of the layer at the wall, so that `count` layers, each `growth` times the one outside it, are that thick.

    h = thickness (g - 1) / (g^n - 1), and thickness / n for g = 1.

    Args:
        thickness: Of all layers together [m].
        count: n.
        growth: g.
    """
    _check(thickness=thickness, count=count, growth=growth)
    return thickness / sum(growth**layer for layer in range(count))


def total_thickness(height: float, *, count: int, growth: float) -> float:
    """Thickness of `count` layers, the first `height` thick, each `growth` times the one outside it [m]."""
    _check(height=height, count=count, growth=growth)
    return height * sum(growth**layer for layer in range(count))


def height_of_y_plus(
    y_plus: float, *, shear_stress: float, density: float, kinematic_viscosity: float
) -> float:
    """Height of the layer at the wall whose upper side lies at y+ = y u_tau / nu, with u_tau = sqrt(tau_w / rho) [m].

    Args:
        y_plus: Wanted y+; 1 resolves the viscous sublayer.
        shear_stress: tau_w [Pa], such as from `shear_stress_in_pipe`.
        density: rho [kg/m³].
        kinematic_viscosity: nu [m²/s].

    Source: Pope, Turbulent Flows, Cambridge 2000, section 7.1, doi:10.1017/CBO9780511840531.
    """
    _check(y_plus=y_plus, shear_stress=shear_stress, density=density, kinematic_viscosity=kinematic_viscosity)
    return y_plus * kinematic_viscosity / math.sqrt(shear_stress / density)


def shear_stress_in_pipe(
    velocity: float, *, diameter: float, density: float, kinematic_viscosity: float
) -> float:
    """Wall shear stress of developed flow in a straight pipe, tau_w = f rho U² / 8 [Pa].

    Darcy's friction factor is f = 64 / Re (Poiseuille) up to Re = 2300, and f = 0.3164 Re^(-1/4) (Blasius) above, where
    it is the larger one: an estimate for placing cells, not a result.

    Args:
        velocity: U, mean over the section [m/s]; the peak of the beat.
        diameter: D, of the narrowest place of interest [m].
        density: rho [kg/m³].
        kinematic_viscosity: nu [m²/s].

    Source: Schlichting & Gersten, Boundary-Layer Theory, Springer 2017, doi:10.1007/978-3-662-52919-5.
    """
    _check(velocity=velocity, diameter=diameter, density=density, kinematic_viscosity=kinematic_viscosity)
    reynolds = velocity * diameter / kinematic_viscosity
    laminar = 64.0 / reynolds
    friction = laminar if reynolds < TURBULENT else max(laminar, 0.3164 * reynolds**-0.25)
    return friction * density * velocity**2 / 8.0


def _check(**values: float) -> None:
    for name, value in values.items():
        if not (value > 0.0 and math.isfinite(value)):
            raise MeshError(
                f"cannot choose the height of the cells at the wall: {name.replace('_', ' ')} is not positive",
                where="mesh",
                value=value,
                expected="a positive number",
            )
