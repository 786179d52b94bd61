"""The factors that are found in a circulation, and what they multiply."""

import numpy as np
import pytest

from lumped.bedside.factors import multipliers, parameter_values, score_limits, value_of
from lumped.bedside.population import SPREADS, population_factors
from lumped.bedside.territory import ejecting_chambers, territories
from lumped.circulation.file import load_anatomy
from lumped.circulation.library import anatomies
from lumped.engine.build import build

from .newborns import newborn


def members(factors, name):
    return {member.key for each in factors if each.name == name for member in each.members}


def test_the_small_newborn():
    factors = population_factors(build(newborn()))
    names = {each.name for each in factors}
    assert names == {
        "heart_rate",
        "blood_volume",
        "systemic_resistance",
        "pulmonary_resistance",
        "arterial_compliance",
        "venous_compliance",
        "pulmonary_compliance",
        "left_ventricle_contractility",
        "left_ventricle_stiffness",
        "right_ventricle_contractility",
        "right_ventricle_stiffness",
        "systole",
        "duct_diameter",
    }
    assert members(factors, "systemic_resistance") == {
        ("aorta", "resistance"),
        ("systemic_periphery", "resistance"),
        ("systemic_veins", "resistance"),
        ("venous_return", "resistance"),
    }
    assert members(factors, "arterial_compliance") == {
        ("intrathoracic_arteries", "compliance"),
        ("extrathoracic_arteries", "compliance"),
    }
    assert members(factors, "systole") == {("ventricles", "duration"), ("ventricles", "duration_share")}


def test_without_a_duct_there_is_no_factor_of_it():
    names = {each.name for each in population_factors(build(newborn(duct=False)))}
    assert not any("duct" in each for each in names)


def test_a_valve_is_a_factor_where_something_was_measured_across_it():
    model = build(newborn())
    assert members(population_factors(model, narrow=["aortic_valve"]), "aortic_valve_resistance") == {
        ("aortic_valve", "resistance")
    }


def test_the_rich_newborn():
    circulation = load_anatomy("term_newborn")
    assert set(ejecting_chambers(circulation)) == {"left_ventricle", "right_ventricle"}
    where = territories(circulation).compartments
    assert where["descending_aorta"] == "systemic arteries"
    assert where["kidneys"] == "systemic organs"
    assert where["superior_caval_vein"] == "systemic veins"
    assert where["right_lung"].startswith("pulmonary")
    factors = population_factors(build(circulation))
    assert ("renal_arteries", "resistance") in members(factors, "systemic_resistance")
    assert ("right_pulmonary_arterioles", "resistance") in members(factors, "pulmonary_resistance")
    assert ("descending_aorta", "compliance") in members(factors, "arterial_compliance")


@pytest.mark.parametrize("name", anatomies())
def test_every_anatomy_has_factors_that_it_can_follow(name):
    model = build(load_anatomy(name))
    factors = population_factors(model, lungs=True)
    assert len({each.name for each in factors}) == len(factors)
    assert {"systemic_resistance", "pulmonary_resistance", "blood_volume"} <= {each.name for each in factors}
    # No parameter belongs to two factors, or their priors would add up to something that nobody said.
    keys = [member.key for each in factors for member in each.members]
    assert len(keys) == len(set(keys))
    assert all(value_of(model, member) > 0.0 for each in factors for member in each.members)
    lowest, highest = score_limits(model, factors)
    assert (lowest < -1.0).all() and (highest > 1.0).all()


def test_a_score_of_one_is_one_standard_deviation():
    model = build(newborn())
    factors = population_factors(model)
    scores = np.zeros(len(factors))
    index = [each.name for each in factors].index("pulmonary_resistance")
    scores[index] = 1.0
    assert multipliers(factors, scores)[index] == pytest.approx(np.exp(0.45), rel=1e-12)
    values = parameter_values(model, factors, scores)
    before = model.blocks["pulmonary_periphery"].values["resistance"]
    assert values["pulmonary_periphery", "resistance"] == pytest.approx(before * np.exp(0.45), rel=1e-12)
    assert values["heart", "period"] == model.period


def test_every_spread_says_why():
    assert all(each.reason and 0.0 < each.log_sd <= 1.0 for each in SPREADS.values())
