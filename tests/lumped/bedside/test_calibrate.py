"""The fit: what was put in comes out, what is not seen is frozen and said, what is wrong is refused."""

from dataclasses import replace

import numpy as np
import pytest

from hemoplan.errors import BoundaryError, CalibrationError
from hemoplan.units import MMHG
from lumped.bedside.calibrate import calibrate
from lumped.bedside.calibration_file import read_calibration, write_calibration
from lumped.bedside.factors import Factor, Member, multipliers
from lumped.bedside.file import bedside_from_table
from lumped.bedside.forward import Forward
from lumped.bedside.population import population_factors
from lumped.bedside.targets import Bedside, FactorChange
from lumped.bedside.words import report
from lumped.circulation.file import load_anatomy
from lumped.engine.build import build
from lumped.engine.periodic import periodic

from .newborns import WORKUP, measured, newborn, truth

FOUR = ("systemic_resistance", "pulmonary_resistance", "left_ventricle_contractility", "duct_diameter")


def some_factors(circulation, names=FOUR):
    return tuple(each for each in population_factors(build(circulation)) if each.name in names)


def test_without_noise_what_was_put_in_comes_out():
    circulation = newborn()
    factors = some_factors(circulation)
    scores = np.array([0.8, -0.7, 0.5, 0.6])
    values = truth(circulation, WORKUP, scores, factors=factors)
    found = calibrate(circulation, measured(WORKUP, values, 1e-4 * values), factors=factors)
    assert [each.score for each in found.factors] == pytest.approx(scores, abs=1e-3)
    assert all(each.verdict == "identified" for each in found.factors)
    assert found.converged
    assert max(abs(each.miss) for each in found.targets) < 1.0


def test_the_fitted_circulation_gives_what_the_fit_says():
    circulation = newborn()
    factors = some_factors(circulation, (*FOUR, "heart_rate", "blood_volume", "systole"))
    values = truth(circulation, WORKUP, np.full(len(factors), 0.5), factors=factors)
    found = calibrate(circulation, measured(WORKUP, values, 0.02 * values), factors=factors)
    # From the circulation alone, with its own volumes at the start, and twice as many steps.
    beat = periodic(build(found.circulation), steps=200).history
    aorta = beat.pressure("intrathoracic_arteries")
    assert aorta.max() == pytest.approx(found.target("aorta.systolic").value, rel=0.01)
    assert aorta[:-1].mean() == pytest.approx(found.target("aorta.mean").value, rel=0.005)
    output = beat.flow("aortic_valve")[:-1].mean()
    assert output == pytest.approx(found.target("left output").value, rel=0.01)
    assert 1.0 / found.circulation.period == pytest.approx(found.target("rate").value, rel=1e-9)
    blood = sum(each.volume for each in found.circulation.compartments)
    before = sum(each.volume for each in circulation.compartments)
    assert blood / before == pytest.approx(found.factor("blood_volume").multiplier, rel=1e-6)


def test_a_parameter_without_influence_is_frozen_and_said():
    # Over how much pressure a valve opens smooths the equations, and no measurement sees it.
    circulation = newborn()
    idle = Factor(
        name="idle",
        meaning="the width of the opening of the mitral valve",
        members=(Member("mitral_valve", "opening_pressure"),),
        log_sd=0.3,
        reason="a smoothing that no one can measure",
    )
    factors = (*some_factors(circulation), idle)
    values = truth(circulation, WORKUP, np.array([0.5, 0.5, 0.5, 0.5, 1.0]), factors=factors)
    found = calibrate(circulation, measured(WORKUP, values, 0.05 * values), factors=factors)
    frozen = found.factor("idle")
    assert frozen.verdict == "frozen"
    assert (frozen.score, frozen.multiplier) == (0.0, 1.0)
    assert frozen.variance_ratio > 0.9
    # Nothing is known of it but the population: the interval is the prior's.
    assert (np.log(frozen.low), np.log(frozen.high)) == pytest.approx((-0.3 * 1.645, 0.3 * 1.645), rel=1e-3)
    (sentence,) = found.frozen
    assert "the data do not tell the width of the opening of the mitral valve" in sentence
    kept = circulation.connection("mitral_valve").parameters["opening_pressure"] / MMHG
    assert f"{kept:.3g} mmHg (mitral_valve)" in sentence
    assert sentence in "\n".join(report(found))


def test_without_data_on_a_part_its_parameters_stay():
    circulation = newborn()
    cuff = bedside_from_table(
        {
            "targets": {
                "rate": {"quantity": "heart_rate", "value": "140 /min"},
                "cuff": {
                    "quantity": "pressure",
                    "of": "extrathoracic_arteries",
                    "value": "55/42 (48) mmHg",
                },
            }
        }
    )
    found = calibrate(circulation, cuff)
    assert found.factor("heart_rate").verdict == "identified"
    for name in ("pulmonary_compliance", "pulmonary_resistance", "right_ventricle_contractility"):
        assert found.factor(name).verdict == "frozen"
    before = circulation.compartment("pulmonary_arteries").parameters["compliance"]
    assert found.circulation.compartment("pulmonary_arteries").parameters["compliance"] == before


def test_the_child_s_weight_scales_the_anatomy_first():
    # In a child of half the weight the same output per kilogram and the same pressures need no fitting.
    circulation = newborn(duct=False)
    rows = [each for each in WORKUP if each.name in ("rate", "aorta.mean", "left output")]
    values = truth(circulation, rows, np.zeros(0), factors=())
    halved = values * np.where([each.quantity == "flow" for each in rows], 0.5, 1.0)
    child = replace(measured(rows, halved, 0.03 * halved), weight=circulation.weight / 2)
    found = calibrate(circulation, child)
    assert found.misfit + found.departure < 0.02
    assert found.circulation.weight == pytest.approx(1.5)


def test_what_the_bedside_says_of_factors_is_followed():
    circulation = newborn()
    values = truth(circulation, WORKUP, np.zeros(13))
    child = replace(
        measured(WORKUP, values, 0.05 * values),
        factors=(
            FactorChange(name="systole", fixed=True),
            FactorChange(name="pulmonary_resistance", log_sd=0.9),
            FactorChange(name="mitral", members=(("mitral_valve", "resistance"),), log_sd=0.5),
        ),
    )
    found = calibrate(circulation, child)
    names = [each.factor.name for each in found.factors]
    assert "systole" not in names
    assert found.factor("pulmonary_resistance").factor.log_sd == 0.9
    assert found.factor("mitral").factor.members == (Member("mitral_valve", "resistance"),)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (FactorChange(name="pulmonary_resistence", fixed=True), "did you mean 'pulmonary_resistance'"),
        (FactorChange(name="mine", members=(("duct", "diameter"),), log_sd=0.2), "first_diameter"),
        (FactorChange(name="mine", members=(("duckt", "length"),), log_sd=0.2), "did you mean 'duct'"),
        (FactorChange(name="mine", members=(("duct", "length"),)), "log_sd"),
        (
            FactorChange(name="mine", members=(("aortic_valve", "leak_diameter"),), log_sd=0.2),
            "cannot be multiplied",
        ),
    ],
)
def test_factors_that_make_no_sense_are_refused(change, words):
    circulation = newborn()
    values = truth(circulation, WORKUP, np.zeros(13))
    child = replace(measured(WORKUP, values, 0.05 * values), factors=(change,))
    with pytest.raises(CalibrationError, match=words):
        calibrate(circulation, child)


def test_nothing_to_fit_is_refused():
    values = truth(newborn(), WORKUP, np.zeros(13))
    with pytest.raises(CalibrationError, match="nothing is left"):
        calibrate(newborn(), measured(WORKUP, values, values), factors=())


def test_data_that_do_not_fit_are_called_so():
    circulation = newborn(duct=False)
    targets = {
        "rate": {"quantity": "heart_rate", "value": "130 +- 2 /min"},
        "cuff": {
            "quantity": "pressure",
            "of": "intrathoracic_arteries",
            "value": "105/15 (50) mmHg",
            "uncertainty": "2 mmHg",
        },
        "output": {"quantity": "flow", "of": "aortic_valve", "value": "450 +- 15 mL/min"},
    }
    found = calibrate(circulation, bedside_from_table({"targets": targets}))
    assert found.plausibility < 0.01
    said = "\n".join(found.warnings)
    assert "do not fit together" in said
    assert "cuff.diastolic is missed by" in said
    assert "15 mmHg was measured" in said


class Stumbling(Forward):
    """A model that has no beat beyond a resistance that is lower than the child's."""

    stumbles = 0

    def beat(self, scores):
        if scores[0] > 0.6:
            Stumbling.stumbles += 1
            raise BoundaryError("a time step of the circulation has no solution")
        return super().beat(scores)


def test_the_search_backs_off_from_parameters_without_a_beat(monkeypatch):
    circulation = newborn()
    factors = some_factors(circulation)
    values = truth(circulation, WORKUP, np.array([0.97, 0.0, 0.0, 0.0]), factors=factors)
    monkeypatch.setattr("lumped.bedside.calibrate.Forward", Stumbling)
    found = calibrate(circulation, measured(WORKUP, values, 0.01 * values), factors=factors)
    assert Stumbling.stumbles > 0
    assert 0.4 < found.factor("systemic_resistance").score <= 0.6


def test_an_anatomy_without_a_beat_is_not_hidden(monkeypatch):
    def none(self, scores):
        raise BoundaryError("a time step of the circulation has no solution")

    values = truth(newborn(), WORKUP, np.zeros(13))
    monkeypatch.setattr(Forward, "beat", none)
    with pytest.raises(BoundaryError, match="no solution"):
        calibrate(newborn(), measured(WORKUP, values, values))


def test_a_duct_of_the_rich_newborn_is_found_from_echo_and_cuff():
    circulation = load_anatomy("patent_duct")
    table = {
        "rate": {"quantity": "heart_rate", "value": "140 /min"},
        "cuff": {"quantity": "pressure", "of": "ascending_aorta", "value": "60/32 (43) mmHg"},
        "output": {"quantity": "flow", "of": "aortic_valve", "value": "300 +- 15 mL/kg/min"},
        "duct": {"quantity": "flow", "of": "ductus_arteriosus", "value": "90 +- 10 mL/kg/min"},
        "jet": {"quantity": "velocity", "of": "ductus_arteriosus", "value": "1.8 +- 0.1 m/s"},
    }
    found = calibrate(circulation, bedside_from_table({"weight": "3.3 kg", "targets": table}))
    assert found.converged
    assert found.plausibility > 0.05
    assert found.factor("ductus_arteriosus_diameter").verdict == "identified"
    assert found.circulation.weight == pytest.approx(3.3)


def test_a_saturation_is_a_target():
    circulation = load_anatomy("transposition")
    found = [
        calibrate(
            circulation,
            bedside_from_table(
                {
                    "targets": {
                        "post": {
                            "quantity": "saturation",
                            "of": "ascending_aorta",
                            "value": f"{value} +- 1 %",
                        }
                    }
                }
            ),
        ).target("post")
        for value in (70, 80)
    ]
    assert [each.value for each in found] == pytest.approx([0.70, 0.80], abs=0.02)


def test_a_calibration_comes_back_from_its_file(tmp_path):
    circulation = newborn()
    factors = some_factors(circulation)
    values = truth(circulation, WORKUP, np.full(4, 0.5), factors=factors)
    found = calibrate(circulation, measured(WORKUP, values, 0.05 * values), factors=factors)
    path = tmp_path / "calibration.json"
    write_calibration(path, found)
    again = read_calibration(path)
    assert again.factors == found.factors
    assert again.targets == found.targets
    assert np.array_equal(again.covariance, found.covariance)
    assert (again.misfit, again.frozen, again.warnings) == (found.misfit, found.frozen, found.warnings)
    model, before = build(again.circulation), build(found.circulation)
    assert model.parameters == pytest.approx(before.parameters, rel=1e-14)
    assert model.start == pytest.approx(before.start, rel=1e-14)
    path.write_text("{}")
    with pytest.raises(CalibrationError, match="no calibration"):
        read_calibration(path)
    with pytest.raises(CalibrationError, match="cannot read"):
        read_calibration(tmp_path / "absent.json")


def test_the_report_shows_every_target_and_factor():
    circulation = newborn()
    values = truth(circulation, WORKUP, np.zeros(13))
    found = calibrate(circulation, measured(WORKUP, values, 0.05 * values))
    lines = list(report(found))
    for each in (*found.targets, *found.factors):
        name = each.target.name if hasattr(each, "target") else each.factor.name
        assert any(line.startswith(name) for line in lines)
    assert found.target("aorta.mean").value == pytest.approx(values[3], rel=1e-3)
    assert abs(values[3] / MMHG - 40.0) < 15.0
    assert multipliers(tuple(each.factor for each in found.factors), np.zeros(13)) == pytest.approx(
        np.ones(13)
    )


def test_a_bedside_made_in_python_is_checked_too():
    target = replace(WORKUP[1], value=float("nan"))
    with pytest.raises(CalibrationError, match="finite"):
        calibrate(newborn(), Bedside(name="child", targets=(target,)))
