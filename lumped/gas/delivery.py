"""What flows make of oxygen content: delivery, extraction, Fick, the parallel circulation, oxygen debt.

Flows are in m³/s, contents in m³/m³ STPD and oxygen flows in m³/s STPD, but every function is homogeneous: any units
that agree with each other serve.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import CaseError
from lumped.compiled import compiled
from lumped.gas.parameters import check_value

CRITICAL_EXTRACTION = 0.6
"""Share of the delivered oxygen above which consumption falls and lactate rises.

About 0.6, to 0.7 in healthy tissue: Vallet, Robin & Lebuffe, Crit. Care 14, 2010, DOI 10.1186/cc8854; Samsel &
Schumacker, Eur. Respir. J. 4, 1991.
"""
SHARPNESS = 16.0
"""Exponent of the smooth minimum in `limited_consumption`: 4 % below the corner, 1e-6 at normal extraction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelCirculation:
    """Steady state of a circulation in which one ventricle feeds body and lungs from mixed blood.

    Attributes:
        pulmonary_flow: Qp.
        systemic_flow: Qs.
        arterial_content: Oxygen content in aorta and pulmonary artery.
        venous_content: Oxygen content of the systemic veins.
        delivery: Oxygen delivered to the body, Qs times the arterial content.
    """

    pulmonary_flow: float
    systemic_flow: float
    arterial_content: float
    venous_content: float
    delivery: float

    @property
    def extraction(self) -> float:
        """Share of the delivered oxygen that the body takes."""
        return 1.0 - self.venous_content / self.arterial_content


def parallel_circulation(
    total_flow: float, ratio: float, *, pulmonary_venous_content: float, consumption: float
) -> ParallelCirculation:
    """Oxygen in a parallel circulation, from the mass balances of body and mixing chamber.

        DO2 = Q Cpv / (1 + r) - VO2 / r,    r = Qp/Qs

    Args:
        total_flow: Q, output of the ventricle.
        ratio: r = Qp/Qs.
        pulmonary_venous_content: Cpv, oxygen content of the blood that comes back from the lungs.
        consumption: VO2 of the body.

    Raises:
        CaseError: A value is not a positive number, or the body would consume more than it is delivered; the message
            gives the least total flow at this ratio.

    Source: Barnea, Austin, Richman & Santamore, J. Am. Coll. Cardiol. 24, 1994; Austin, Santamore & Barnea,
    J. Cardiovasc. Surg. 35, 1994.
    """
    for name, value in (
        ("total flow", total_flow),
        ("Qp/Qs", ratio),
        ("pulmonary venous content", pulmonary_venous_content),
        ("consumption", consumption),
    ):
        _require_positive(name, value, "parallel circulation")
    systemic = total_flow / (1.0 + ratio)
    delivery = total_flow * pulmonary_venous_content / (1.0 + ratio) - consumption / ratio
    if delivery < consumption:
        least = (1.0 + ratio) ** 2 / ratio * consumption / pulmonary_venous_content
        raise CaseError(
            "the body would consume more oxygen than it is delivered",
            where="parallel circulation",
            value=f"delivery {delivery:.4g} for a consumption of {consumption:.4g} at Qp/Qs {ratio:.4g}",
            expected=f"a total flow of at least {least:.4g}",
            remedy="raise the flow or the content, or choose a ratio nearer to its best value",
        )
    arterial = delivery / systemic
    return ParallelCirculation(
        pulmonary_flow=total_flow - systemic,
        systemic_flow=systemic,
        arterial_content=arterial,
        venous_content=arterial - consumption / systemic,
        delivery=delivery,
    )


def best_flow_ratio(total_flow: float, *, pulmonary_venous_content: float, consumption: float) -> float:
    """Qp/Qs at which a parallel circulation delivers most: r = s / (1 - s), s = sqrt(VO2 / (Q Cpv)).

    Arguments, errors and source as in `parallel_circulation`.
    """
    for name, value in (
        ("total flow", total_flow),
        ("pulmonary venous content", pulmonary_venous_content),
        ("consumption", consumption),
    ):
        _require_positive(name, value, "parallel circulation")
    share = consumption / (total_flow * pulmonary_venous_content)
    if share >= 1.0:
        raise CaseError(
            "the body consumes more oxygen than the heart could carry from the lungs",
            where="parallel circulation",
            value=f"VO2 / (Q Cpv) = {share:.3g}",
            expected="less than 1",
        )
    root = math.sqrt(share)
    return root / (1.0 - root)


def flow_by_fick(consumption: float, higher_content: float, lower_content: float) -> float:
    """Flow through a bed that gives off or takes up oxygen: VO2 over the difference of contents.

    Raises:
        CaseError: The contents are not in falling order, or the consumption is not positive.
    """
    _require_positive("consumption", consumption, "Fick")
    if not higher_content > lower_content >= 0.0:
        raise CaseError(
            "the contents on both sides of the bed are not in falling order",
            where="Fick",
            value=f"{higher_content:.4g} and {lower_content:.4g}",
            expected="the higher content first, and a difference above zero",
        )
    return consumption / (higher_content - lower_content)


def flow_ratio_by_fick(
    *, arterial: float, mixed_venous: float, pulmonary_venous: float, pulmonary_arterial: float
) -> float:
    """Qp/Qs from contents, or from saturations where dissolved oxygen may be left out.

        Qp/Qs = (Ca - Cv) / (Cpv - Cpa)

    Needs all four: the arterial saturation alone predicts Qp/Qs poorly.

    Raises:
        CaseError: A value is missing (not finite), or blood gains no oxygen in the lungs or loses none in the body.
    """
    values = {
        "arterial": arterial,
        "mixed venous": mixed_venous,
        "pulmonary venous": pulmonary_venous,
        "pulmonary arterial": pulmonary_arterial,
    }
    for name, value in values.items():
        if not math.isfinite(value) or value < 0.0:
            raise CaseError(
                f"the {name} value is not known",
                where="Qp/Qs by Fick",
                value=value,
                expected="a number of zero or more; without it Qp/Qs cannot be told",
            )
    if not (arterial > mixed_venous and pulmonary_venous > pulmonary_arterial):
        raise CaseError(
            "blood must lose oxygen in the body and gain it in the lungs",
            where="Qp/Qs by Fick",
            value=", ".join(f"{name} {value:.4g}" for name, value in values.items()),
            expected="arterial above mixed venous and pulmonary venous above pulmonary arterial",
        )
    return (arterial - mixed_venous) / (pulmonary_venous - pulmonary_arterial)


@compiled
def limited_consumption(
    delivery: float, demand: float, critical_extraction: float = CRITICAL_EXTRACTION
) -> tuple[float, float]:
    """Oxygen that tissue takes, and its derivative with respect to delivery: a smooth min(demand, ER_max DO2).

        VO2 = a b / (a^n + b^n)^(1/n),    a = demand,  b = ER_max DO2,  n = 16

    Args:
        delivery: Oxygen delivered; nothing is taken at zero and below.
        demand: Oxygen that the tissue would take, > 0.
        critical_extraction: ER_max, the greatest share that tissue can take.
    """
    available = critical_extraction * delivery
    if available <= 0.0:
        return 0.0, critical_extraction
    # The larger of the two is factored out, so that no power overflows.
    ratio = available / demand
    if ratio <= 1.0:
        root = (1.0 + ratio**SHARPNESS) ** (-1.0 / SHARPNESS)
        return available * root, critical_extraction * root ** (SHARPNESS + 1.0)
    inverse = (1.0 / ratio) ** SHARPNESS
    root = (1.0 + inverse) ** (-1.0 / SHARPNESS)
    return demand * root, critical_extraction * root ** (SHARPNESS + 1.0) * inverse / ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class OxygenBalance:
    """Delivery, demand and what is missing over a span of time.

    Attributes:
        delivery: Mean oxygen delivery.
        demand: Mean demand.
        consumption: Mean of what the tissue takes.
        extraction: Consumption over delivery; infinite if nothing is delivered.
        debt: Integral of demand minus consumption over the span.
        lactate_risk: Whether demand exceeds what tissue can extract, so that lactate must be expected to rise.
    """

    delivery: float
    demand: float
    consumption: float
    extraction: float
    debt: float
    lactate_risk: bool


def oxygen_balance(
    times: FloatArray,
    delivery: FloatArray,
    demand: float,
    *,
    critical_extraction: float = CRITICAL_EXTRACTION,
) -> OxygenBalance:
    """Oxygen debt of a tissue whose delivery varies, by the trapezoidal rule.

    The risk is raised where mean demand exceeds `critical_extraction` times mean delivery. The flag says that the
    supply is past the critical point; it does not predict a lactate concentration.

    Args:
        times: (m,) rising [s].
        delivery: (m,) oxygen delivery.
        demand: Oxygen demand, > 0.
        critical_extraction: Greatest share that the tissue can take.

    Raises:
        CaseError: Times do not rise, lengths differ, or a value is not finite or not positive.
    """
    _require_positive("demand", demand, "oxygen balance")
    check_value("oxygen balance", "critical extraction", critical_extraction, "1", 0.05, 1.0)
    t, supply = np.asarray(times, dtype=np.float64), np.asarray(delivery, dtype=np.float64)
    if t.ndim != 1 or t.shape != supply.shape or t.size < 2:
        raise CaseError(
            "times and delivery do not match",
            where="oxygen balance",
            value=f"{t.shape} and {supply.shape}",
            expected="two lists of the same length, of two values or more",
        )
    if not (np.all(np.isfinite(t)) and np.all(np.isfinite(supply)) and np.all(np.diff(t) > 0.0)):
        raise CaseError(
            "times must rise, and no value may be missing", where="oxygen balance", expected="finite numbers"
        )
    span = float(t[-1] - t[0])
    taken = np.array([limited_consumption(each, demand, critical_extraction)[0] for each in supply])
    mean_taken = float(np.trapezoid(taken, t)) / span
    mean_supply = float(np.trapezoid(supply, t)) / span
    return OxygenBalance(
        delivery=mean_supply,
        demand=demand,
        consumption=mean_taken,
        extraction=mean_taken / mean_supply if mean_supply > 0.0 else math.inf,
        debt=(demand - mean_taken) * span,
        lactate_risk=demand > critical_extraction * mean_supply,
    )


def _require_positive(name: str, value: float, where: str) -> None:
    """Refuse what is not a positive finite number."""
    if not (math.isfinite(value) and value > 0.0):
        raise CaseError(f"{name} is not positive", where=where, value=value, expected="a number above zero")
