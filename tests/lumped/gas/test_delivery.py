"""Closed forms of delivery: the parallel circulation, Fick, and consumption limited by supply."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from hemoplan.errors import CaseError
from lumped.gas.delivery import (
    best_flow_ratio,
    flow_by_fick,
    flow_ratio_by_fick,
    limited_consumption,
    oxygen_balance,
    parallel_circulation,
)

NORWOOD = {"pulmonary_venous_content": 0.22, "consumption": 9.0}  # Q in mL/min, VO2 in mL/min


@pytest.mark.parametrize(
    ("ratio", "delivery"), [(0.432, 48.3), (0.5, 48.0), (1.0, 40.5), (2.0, 28.5), (4.0, 17.55)]
)
def test_published_delivery(ratio: float, delivery: float) -> None:
    assert parallel_circulation(450.0, ratio, **NORWOOD).delivery == pytest.approx(delivery, abs=0.05)


@pytest.mark.parametrize(("flow", "ratio", "delivery"), [(450.0, 0.432, 48.3), (300.0, 0.585, 26.3)])
def test_best_ratio(flow: float, ratio: float, delivery: float) -> None:
    best = best_flow_ratio(flow, **NORWOOD)
    assert best == pytest.approx(ratio, abs=5e-4)
    assert parallel_circulation(flow, best, **NORWOOD).delivery == pytest.approx(delivery, abs=0.05)
    searched = minimize_scalar(
        lambda r: -parallel_circulation(flow, r, **NORWOOD).delivery,
        bounds=(0.3, 2.0),
        method="bounded",
        options={"xatol": 1e-8},
    )
    assert best == pytest.approx(searched.x, rel=1e-5)


def test_mass_balance_of_the_mixing_chamber() -> None:
    """What comes back from lungs and body leaves as arterial blood, and the body takes what it consumes."""
    state = parallel_circulation(450.0, 1.3, **NORWOOD)
    back = state.pulmonary_flow * 0.22 + state.systemic_flow * state.venous_content
    assert back == pytest.approx(450.0 * state.arterial_content, rel=1e-12)
    assert state.systemic_flow * (state.arterial_content - state.venous_content) == pytest.approx(
        9.0, rel=1e-12
    )
    ratio = flow_ratio_by_fick(
        arterial=state.arterial_content,
        mixed_venous=state.venous_content,
        pulmonary_venous=0.22,
        pulmonary_arterial=state.arterial_content,
    )
    assert ratio == pytest.approx(1.3, rel=1e-12)
    assert state.extraction == pytest.approx(9.0 / state.delivery, rel=1e-12)


def test_fick_of_a_catheter() -> None:
    """Atrial septal defect: 96, 70, 98 and 84 % make Qp/Qs 26/14; 150 mL/min over 5 mL/dL make 3 L/min."""
    ratio = flow_ratio_by_fick(
        arterial=0.96, mixed_venous=0.70, pulmonary_venous=0.98, pulmonary_arterial=0.84
    )
    assert ratio == pytest.approx(26.0 / 14.0, rel=1e-12)
    assert flow_by_fick(150.0, 0.20, 0.15) == pytest.approx(3000.0, rel=1e-12)


def test_consumption_is_demand_or_what_can_be_extracted() -> None:
    demand = 9.0
    assert limited_consumption(40.0, demand)[0] == pytest.approx(demand, rel=1e-6)
    assert limited_consumption(5.0, demand)[0] == pytest.approx(0.6 * 5.0, rel=1e-6)
    assert limited_consumption(0.0, demand)[0] == 0.0
    supply = np.linspace(-1.0, 60.0, 500)
    taken = np.array([limited_consumption(each, demand)[0] for each in supply])
    assert np.all(taken <= np.minimum(demand, np.maximum(0.6 * supply, 0.0)) + 1e-12)
    assert np.all(np.diff(taken) >= 0.0)


@pytest.mark.parametrize("supply", [0.5, 10.0, 14.9, 15.1, 20.0, 60.0])
def test_slope_of_limited_consumption(supply: float) -> None:
    up, down = (limited_consumption(supply + d, 9.0)[0] for d in (1e-5, -1e-5))
    assert limited_consumption(supply, 9.0)[1] == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-9)


def test_debt_of_an_interrupted_supply() -> None:
    """A supply that stops for half of the time leaves a debt of half the demand times the time."""
    times = np.array([0.0, 49.999, 50.0, 100.0])
    supply = np.array([60.0, 60.0, 0.0, 0.0])
    balance = oxygen_balance(times, supply, 10.0)
    assert balance.debt == pytest.approx(500.0, rel=1e-3)
    assert balance.consumption == pytest.approx(5.0, rel=1e-3)


def test_risk_flag_at_critical_extraction() -> None:
    times = np.array([0.0, 60.0])
    for supply, risk in ((9.0 / 0.59, False), (9.0 / 0.61, True)):
        balance = oxygen_balance(times, np.full(2, supply), 9.0)
        assert balance.lactate_risk is risk
    healthy = oxygen_balance(times, np.full(2, 36.0), 9.0)
    assert healthy.extraction == pytest.approx(0.25, rel=1e-6)
    assert healthy.debt == pytest.approx(0.0, abs=1e-3)


def test_refusals() -> None:
    with pytest.raises(CaseError, match=r"at least 163\.6"):
        parallel_circulation(150.0, 1.0, **NORWOOD)
    with pytest.raises(CaseError, match="Qp/Qs is not positive"):
        parallel_circulation(450.0, 0.0, **NORWOOD)
    with pytest.raises(CaseError, match="could carry"):
        best_flow_ratio(30.0, **NORWOOD)
    with pytest.raises(CaseError, match="mixed venous value is not known"):
        flow_ratio_by_fick(arterial=0.8, mixed_venous=math.nan, pulmonary_venous=0.98, pulmonary_arterial=0.8)
    with pytest.raises(CaseError, match="gain it in the lungs"):
        flow_ratio_by_fick(arterial=0.8, mixed_venous=0.6, pulmonary_venous=0.7, pulmonary_arterial=0.8)
    with pytest.raises(CaseError, match="falling order"):
        flow_by_fick(9.0, 0.1, 0.1)
    with pytest.raises(CaseError, match="do not match"):
        oxygen_balance(np.arange(3.0), np.ones(2), 9.0)
    with pytest.raises(CaseError, match="must rise"):
        oxygen_balance(np.array([0.0, 0.0]), np.ones(2), 9.0)
