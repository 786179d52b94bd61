from __future__ import annotations

from dataclasses import replace

import pytest

from hemoplan.errors import CalibrationError
from hemoplan.units import MMHG
from lumped.calibrate import (
    CuffPressure,
    assess,
    cuff_pressure,
    retune_windkessels,
    tune_windkessels,
)
from lumped.simulation import simulate, simulate_to_periodicity
from lumped.surrogate import Branch, Surrogate, Trunk

from .arch import FRACTIONS, INFLOW, SURROGATE, targets


@pytest.mark.parametrize("site", ["ascending_aorta", "brachiocephalic", "descending_aorta"])
@pytest.mark.parametrize("cuff", [(90, 52, 66), (70, 46, 54), (65, 45, 52)])
def test_cuff_and_fractions_are_met(site: str, cuff: tuple[float, float, float]) -> None:
    wanted = targets(*cuff, site=site)
    fit = tune_windkessels(SURROGATE, INFLOW, wanted)
    history = simulate_to_periodicity(SURROGATE, fit.circuit, INFLOW, steps=1600).history
    seen = cuff_pressure(history, site)
    assert seen.systolic == pytest.approx(cuff[0] * MMHG, abs=0.5 * MMHG)
    assert seen.diastolic == pytest.approx(cuff[1] * MMHG, abs=0.5 * MMHG)
    assert seen.mean == pytest.approx(cuff[2] * MMHG, abs=0.1 * MMHG)
    for outlet, fraction in FRACTIONS.items():
        assert history.flow(outlet).mean() / INFLOW.mean() == pytest.approx(fraction, abs=1e-3)
    assert fit.pressure_error < 0.01 * MMHG
    assert fit.fraction_error < 1e-4


def test_without_vessels_the_resistances_are_ohms_law() -> None:
    """With no drop on the way to the outlets, R_k = (mean - venous) / (share of the flow)."""
    star = Surrogate(
        inlet="ascending_aorta",
        outlets=tuple(FRACTIONS),
        branches=(Branch(resistance=0.0),) * len(FRACTIONS),
    )
    fit = tune_windkessels(star, INFLOW, targets(70, 46, 57))
    for outlet, fraction in FRACTIONS.items():
        expected = 52.0 * MMHG / (fraction * INFLOW.mean())
        assert fit.circuit[outlet].total_resistance == pytest.approx(expected, rel=1e-4)


def test_compliance_follows_its_shares() -> None:
    shares = {"descending_aorta": 3.0, "brachiocephalic": 1.0, "left_carotid": 0.5, "left_subclavian": 0.5}
    fit = tune_windkessels(SURROGATE, INFLOW, targets(90, 52, 66), compliance_shares=shares)
    unit = fit.circuit["brachiocephalic"].compliance
    for outlet, share in shares.items():
        assert fit.circuit[outlet].compliance == pytest.approx(share * unit, rel=1e-12)
    assert fit.pressure_error < 0.1 * MMHG


def test_retuning_closes_the_gap_to_the_simulation() -> None:
    """The part of the 3D simulation is played by a star that the centrelines have not foreseen."""
    reality = Surrogate(
        inlet=SURROGATE.inlet,
        outlets=SURROGATE.outlets,
        branches=tuple(
            Branch(resistance=2.0 * each.resistance, loss=1.5 * each.loss, inertance=0.8 * each.inertance)
            for each in SURROGATE.branches
        ),
        trunk=Trunk(resistance=2e6, inertance=3e5, dynamic=2.5e11),
    )
    wanted = targets(90, 52, 66)
    first = tune_windkessels(SURROGATE, INFLOW, wanted).circuit
    before = assess(reality, first, INFLOW, wanted)
    assert before.pressure_error > 1.0 * MMHG
    retuned = retune_windkessels(before.history, before.circuit, INFLOW, wanted)
    after = assess(reality, retuned.circuit, INFLOW, wanted)
    assert after.pressure_error < 0.1 * MMHG
    assert after.fraction_error < 1e-3
    assert retuned.predicted.systolic == pytest.approx(90.0 * MMHG, abs=0.1 * MMHG)


def test_one_beat_that_is_not_periodic_teaches_as_much() -> None:
    """The first beat of a vessel with twice the losses, from the start that the centrelines promised."""
    reality = replace(
        SURROGATE,
        branches=tuple(
            replace(each, resistance=2.0 * each.resistance, loss=2.0 * each.loss)
            for each in SURROGATE.branches
        ),
    )
    wanted = targets(90, 52, 66)
    first = tune_windkessels(SURROGATE, INFLOW, wanted).circuit
    beat = simulate(reality, first, INFLOW, cycles=1).history
    retuned = retune_windkessels(beat, first, INFLOW, wanted)
    after = assess(reality, retuned.circuit, INFLOW, wanted)
    assert assess(reality, first, INFLOW, wanted).pressure_error > 0.5 * MMHG
    assert after.pressure_error < 0.1 * MMHG
    assert after.fraction_error < 1e-3


def test_a_pulse_that_no_compliance_gives_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        CalibrationError, match=r"no Windkessels meet.*70.0/40.0 \(65.0\) mmHg; nearest is .* off by"
    ):
        tune_windkessels(SURROGATE, INFLOW, targets(70, 40, 65))


def test_a_vessel_too_narrow_for_its_share_is_named() -> None:
    narrow = replace(
        SURROGATE,
        branches=(replace(SURROGATE.branches[0], resistance=5e9), *SURROGATE.branches[1:]),
    )
    with pytest.raises(
        CalibrationError, match=r"outlets.descending_aorta\] the vessel is too narrow.*mmHg lost"
    ):
        tune_windkessels(narrow, INFLOW, targets(90, 52, 66))


def test_contradictions_are_named() -> None:
    with pytest.raises(CalibrationError, match="expected venous < diastolic < mean < systolic"):
        tune_windkessels(SURROGATE, INFLOW, targets(60, 66, 62))
    with pytest.raises(CalibrationError, match="value: left_leg.*one of ascending_aorta, descending_aorta"):
        tune_windkessels(SURROGATE, INFLOW, targets(90, 52, 66, site="left_leg"))
    wanted = targets(90, 52, 66)
    with pytest.raises(CalibrationError, match="do not add up to one.*value: 1.2"):
        shares = {**FRACTIONS, "descending_aorta": 0.7}
        tune_windkessels(SURROGATE, INFLOW, replace(wanted, fractions=shares))
    with pytest.raises(CalibrationError, match="flow fractions must be positive, one for each outlet"):
        tune_windkessels(SURROGATE, INFLOW, replace(wanted, fractions={"descending_aorta": 1.0}))


def test_cuff_pressure_reads_as_it_is_written_at_the_bedside() -> None:
    cuff = CuffPressure(systolic=72 * MMHG, diastolic=47 * MMHG, mean=59 * MMHG)
    assert str(cuff) == "72.0/47.0 (59.0) mmHg"
