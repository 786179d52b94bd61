"""Weak forms of the monolithic solver: velocity and pressure of incompressible flow in one system, as in the paper.

With the kinematic pressure pi = p / rho and the kinematic viscosity nu = mu / rho, for all test functions (v, q)

    (du/dt, v) + (w.grad u, v) + a(u, v) - (pi, div v) - (q, div u - e) = (f / rho, v) - sum_k (pi_k, v.n)_k

    a(u, v) = (nu grad u, grad v)                                      constant viscosity,
            = (2 nu(g) e(u), e(v)) - (nu(g) grad(u)^T n, v)_open       viscosity of the shear rate g,

where e(u) = (grad u + grad u^T) / 2 and g = sqrt(2 e(u):e(u)). On an open boundary k both satisfy
mu du/dn - p n = -p_k n, so that developed flow leaves undisturbed (Heywood, Rannacher & Turek, Int. J. Numer. Meth.
Fluids 22 (1996), DOI 10.1002/(SICI)1097-0363(19960315)22:5<325::AID-FLD307>3.0.CO;2-Y). w = u in steady flow and w is
extrapolated from the past in a linear time step. e is zero but in a vessel without an open boundary, where it spreads
what the interpolated boundary velocity gains or loses (of the order of the interpolation error) over the volume.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ufl

from cfd.fluid import Fluid

type Expression = Any
"""A UFL expression."""

type ViscosityLaw = Callable[[Expression], Expression]
"""Dynamic viscosity [Pa s] of the shear rate [1/s]."""

SLOWEST_SHEAR = 1e-6
"""Shear rate [1/s] below which the viscosity no longer changes: the root in g has no derivative at zero."""


def viscosity_of(fluid: Fluid) -> float | ViscosityLaw:
    """Dynamic viscosity of a fluid: a number [Pa s] if it is Newtonian, else its Carreau–Yasuda law."""
    law = fluid.thinning
    if law is None:
        return fluid.viscosity

    def viscosity(shear_rate: Expression) -> Expression:
        thinned = (1.0 + (law.time * shear_rate) ** law.transition) ** ((law.power - 1.0) / law.transition)
        return fluid.viscosity + (law.rest_viscosity - fluid.viscosity) * thinned

    return viscosity


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentumTerms:
    """The data of the weak form; constants and functions whose values change while the form stays.

    Attributes:
        rate, history: The acceleration is rate u - history [1/s, m/s²].
        inertia: 1, or less while a steady solution is approached from creeping flow.
        viscosity: Kinematic viscosity [m²/s], or a law for the dynamic viscosity over the density.
        force: Body force over the density [m/s²]; None for none.
        outside_pressures: Kinematic pressure [m²/s²] and measure of each open boundary.
        excess: e [1/s].
        normal: Outward unit normal.
        dx: Measure of the volume.
    """

    rate: Expression
    history: Expression
    inertia: Expression
    viscosity: Expression | ViscosityLaw
    force: Expression | None
    outside_pressures: tuple[tuple[Expression, Expression], ...]
    excess: Expression
    normal: Expression
    dx: Expression


def navier_stokes(
    terms: MomentumTerms, u: Expression, pi: Expression, w: Expression, v: Expression, q: Expression
) -> ufl.Form:
    """Residual of momentum and mass, tested with (v, q); w convects."""
    dx, n = terms.dx, terms.normal
    form = ufl.inner(terms.rate * u - terms.history, v) * dx
    form += terms.inertia * ufl.inner(ufl.dot(ufl.grad(u), w), v) * dx
    form += _viscous(terms, u, w, v)
    form -= pi * ufl.div(v) * dx
    form -= q * (ufl.div(u) - terms.excess) * dx
    if terms.force is not None:
        form -= ufl.inner(terms.force, v) * dx
    for pressure, ds in terms.outside_pressures:
        form += pressure * ufl.inner(n, v) * ds
    return form


def shear_rate(u: Expression) -> Expression:
    """sqrt(2 e(u):e(u)) [1/s], not below `SLOWEST_SHEAR`."""
    e = ufl.sym(ufl.grad(u))
    return ufl.sqrt(2.0 * ufl.inner(e, e) + SLOWEST_SHEAR**2)


def _viscous(terms: MomentumTerms, u: Expression, w: Expression, v: Expression) -> ufl.Form:
    """a(u, v); a linear step takes the viscosity at the extrapolated velocity w."""
    if not callable(terms.viscosity):
        return terms.viscosity * ufl.inner(ufl.grad(u), ufl.grad(v)) * terms.dx
    nu = terms.viscosity(shear_rate(w))
    form = 2.0 * nu * ufl.inner(ufl.sym(ufl.grad(u)), ufl.sym(ufl.grad(v))) * terms.dx
    for _, ds in terms.outside_pressures:
        form -= nu * ufl.inner(ufl.dot(ufl.grad(u).T, terms.normal), v) * ds
    return form
