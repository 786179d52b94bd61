"""The balances that hold over a beat: alveolar gas against ventilation, consumption against what is delivered.

Within a beat the gases are linear in what enters blood, y = (contents of end-capillary blood, of umbilical venous
blood, of blood from outside; what each tissue takes): carried = base + slope y. The unknowns z are alveolar PO2 and
PCO2 and what each tissue takes. With u and o the uptake of O2 and the output of CO2,

    V (P - P at the start) / T = V dP/dt (P, u, o)        (the left side is zero in the steady state)
    m = limited_consumption(delivery, demand)             for each tissue

which Newton's method solves with the exact Jacobian, and a line search for the corner of the limit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import DivergenceError
from lumped.gas.blood import contents
from lumped.gas.carriage import TISSUES
from lumped.gas.delivery import limited_consumption
from lumped.gas.sites import Sites
from lumped.lungs.exchange import ATMOSPHERE, BODY_GAS, WATER_VAPOUR, alveolar_rates

OXYGEN, CARBON_DIOXIDE = 0, 1
"""Columns of arrays that hold both gases."""

_DRY = ATMOSPHERE - WATER_VAPOUR
_TOLERANCE = 1e-12
_ITERATIONS = 60
_LEAST_STEP = 2.0**-12
_LEAST_PRESSURE = 0.3
"""Share of a partial pressure that one iteration leaves at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What a beat carries, as a linear function of what enters the blood.

    Attributes:
        duration: T [s].
        base: (2 e, 2) carried by the connections to their targets, then back, if nothing enters [m³ STPD].
        slope: (2 e, f) the same for one of each forcing.
        entering: (2,) contents of blood from outside [m³/m³].
        alveolar: (2,) partial pressures at the start [Pa].
        lung_volume: V [m³]; zero for the steady state.
    """

    duration: float
    base: FloatArray
    slope: FloatArray
    entering: FloatArray
    alveolar: FloatArray
    lung_volume: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What solves the balances.

    Attributes:
        forcings: (f, 2) y of both gases.
        alveolar: (2,) partial pressures [Pa].
        consumption: (t,) [m³/s STPD].
        iterations: Of Newton's method.
    """

    forcings: FloatArray
    alveolar: FloatArray
    consumption: FloatArray
    iterations: int


def solve_balances(sites: Sites, beat: Beat, where: str) -> Balance:
    """Alveolar gas and consumption of a beat.

    Args:
        sites: Where gas is exchanged.
        beat: What it carries.
        where: Name of the circulation, for messages.

    Raises:
        DivergenceError: There is no solution: without ventilation there is no steady state, for one.
    """
    z = np.concatenate([beat.alveolar, sites.demand])
    scale = np.concatenate([[1e4, 5e3], np.maximum(sites.demand, 1e-30)])
    r, jacobian = _residual(sites, beat, z)
    for iteration in range(_ITERATIONS):
        step = _newton_step(jacobian, r)
        if step is None:
            break
        # Partial pressures stay positive: the chemistry has no meaning below zero.
        falls = [-d / p for d, p in zip(step[:2], z[:2], strict=True) if d < 0.0]
        share = min(1.0, (1.0 - _LEAST_PRESSURE) / max([1e-30, *falls]))
        size = float(np.abs(r).max())
        while share > _LEAST_STEP:
            moved = z + share * step
            new, slope = _residual(sites, beat, moved)
            if np.abs(new).max() < size or np.abs(share * step / scale).max() <= _TOLERANCE:
                break
            share *= 0.5
        z, r, jacobian = moved, new, slope
        if np.abs(share * step / scale).max() <= _TOLERANCE:
            return Balance(
                forcings=_forcings(sites, beat, z)[0],
                alveolar=z[:2],
                consumption=z[2:],
                iterations=iteration + 1,
            )
    raise DivergenceError(
        "the oxygen and carbon dioxide of the circulation do not come into balance",
        where=where,
        value=f"alveolar PO2 {z[0]:.3g} Pa, PCO2 {z[1]:.3g} Pa",
        expected="ventilation that brings the oxygen consumed and takes the CO2 away",
        remedy="raise ventilation or inspired oxygen, or check the oxygen consumption",
    )


def _newton_step(jacobian: FloatArray, r: FloatArray) -> FloatArray | None:
    try:
        step = np.linalg.solve(jacobian, -r)
    except np.linalg.LinAlgError:
        return None
    return np.asarray(step) if np.all(np.isfinite(step)) else None


def _forcings(sites: Sites, beat: Beat, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(f, 2) y of both gases, and (f, 2, 2 + t) its derivatives with respect to z."""
    t = sites.demand.size
    y, dy = np.zeros((TISSUES + t, 2)), np.zeros((TISSUES + t, 2, 2 + t))
    oxygen, carbon_dioxide, _, _, slopes = contents(float(z[0]), float(z[1]), sites.blood)
    y[0] = oxygen, carbon_dioxide
    dy[0, :, :2] = np.reshape(slopes, (2, 2))
    y[1], y[2] = sites.placental, beat.entering
    y[TISSUES:, OXYGEN] = z[2:]
    y[TISSUES:, CARBON_DIOXIDE] = -sites.gas.respiratory_quotient * z[2:]
    dy[TISSUES:, OXYGEN, 2:] = np.eye(t)
    dy[TISSUES:, CARBON_DIOXIDE, 2:] = -sites.gas.respiratory_quotient * np.eye(t)
    return y, dy


def _residual(sites: Sites, beat: Beat, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(2 + t,) what is left of the balances, scaled, and its Jacobian."""
    t = sites.demand.size
    y, dy = _forcings(sites, beat, z)
    carried = beat.base + beat.slope @ y
    r, J = np.empty(2 + t), np.zeros((2 + t, 2 + t))
    if sites.exposed > 0.0:
        ventilation = sites.gas.alveolar_ventilation
        share = 1.0 - sites.gas.shunt_share
        met = sites.exposed * y[0] - share * (sites.lungs @ carried)
        dmet = sites.exposed * dy[0] - share * np.tensordot(sites.lungs @ beat.slope, dy, axes=1)
        (u, o), (du, do) = met / beat.duration, dmet / beat.duration
        rates = alveolar_rates(
            float(z[0]), float(z[1]), float(u), -float(o), ventilation, 1.0, sites.inspired
        )
        kept = beat.lung_volume / beat.duration
        size = BODY_GAS * max(float(sites.demand.sum()), 1e-12)
        drawn = BODY_GAS * sites.inspired / _DRY
        r[:2] = kept * (z[:2] - beat.alveolar) - np.array(rates)
        J[0] = (BODY_GAS - drawn) * du - drawn * do
        J[1] = BODY_GAS * do
        J[0, 0] += kept + ventilation
        J[1, 1] += kept + ventilation
        r[:2] /= size
        J[:2] /= size
    else:
        r[:2], J[:2, :2] = z[:2] / beat.alveolar - 1.0, np.diag(1.0 / beat.alveolar)
    delivery = sites.supply @ carried[:, OXYGEN] / beat.duration
    slopes = sites.supply @ np.tensordot(beat.slope, dy[:, OXYGEN], axes=1) / beat.duration
    for k in range(t):
        demand = float(sites.demand[k])
        taken, per_delivery = limited_consumption(float(delivery[k]), demand)
        r[2 + k] = (z[2 + k] - taken) / demand
        J[2 + k] = -per_delivery * slopes[k] / demand
        J[2 + k, 2 + k] += 1.0 / demand
    return r, J
