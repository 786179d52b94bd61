"""Targets that no parameters could meet are refused, and both that contradict each other are named."""

from dataclasses import replace

import pytest

from hemoplan.errors import CalibrationError
from lumped.bedside.contradictions import check_targets
from lumped.bedside.file import bedside_from_table
from lumped.circulation.file import load_anatomy

from .newborns import newborn

AORTA = "intrathoracic_arteries"


def refused(circulation, targets):
    with pytest.raises(CalibrationError) as caught:
        check_targets(bedside_from_table({"targets": targets}), circulation)
    return str(caught.value)


def pressure(value, statistic):
    return {"quantity": "pressure", "of": AORTA, "value": f"{value} mmHg", "statistic": statistic}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pressure(38, "systolic"), pressure(62, "diastolic")),
        (pressure(50, "systolic"), pressure(50, "diastolic")),
        (pressure(62, "systolic"), pressure(65, "mean")),
        (pressure(38, "diastolic"), pressure(35, "mean")),
    ],
)
def test_pressures_out_of_order(one, other):
    text = refused(newborn(), {"first": one, "second": other})
    assert "targets.first" in text and "targets.second" in text
    assert one["statistic"] in text and other["statistic"] in text


def test_the_charted_form_too():
    text = refused(newborn(), {"cuff": {"quantity": "pressure", "of": AORTA, "value": "38/62 (47) mmHg"}})
    assert "the systolic pressure of intrathoracic_arteries is 38 mmHg" in text
    assert "62 mmHg" in text


def volume(quantity, value):
    return {"quantity": quantity, "of": "left_ventricle", "value": value}


def test_a_ventricle_that_is_fuller_when_empty():
    text = refused(
        newborn(),
        {
            "edv": volume("end_diastolic_volume", "3 mL"),
            "esv": volume("end_systolic_volume", "5 mL"),
        },
    )
    assert "targets.edv" in text and "targets.esv" in text


def test_an_ejection_fraction_that_the_volumes_do_not_give():
    volumes = {
        "edv": volume("end_diastolic_volume", "8 +- 0.4 mL"),
        "esv": volume("end_systolic_volume", "4 +- 0.2 mL"),
    }
    check_targets(
        bedside_from_table({"targets": {**volumes, "ef": volume("ejection_fraction", "55 +- 4 %")}}),
        newborn(),
    )
    text = refused(newborn(), {**volumes, "ef": volume("ejection_fraction", "75 +- 4 %")})
    assert "targets.ef" in text and "targets.edv" in text and "50 %" in text


def test_an_output_that_is_not_stroke_volume_times_rate():
    text = refused(
        newborn(),
        {
            "rate": {"quantity": "heart_rate", "value": "150 /min"},
            "stroke": {"quantity": "stroke_volume", "of": "aortic_valve", "value": "4 +- 0.2 mL"},
            "output": {"quantity": "flow", "of": "aortic_valve", "value": "900 +- 50 mL/min"},
        },
    )
    assert "targets.output" in text and "targets.stroke" in text and "targets.rate" in text
    assert "600 mL/min" in text


SHUNT = {
    "quantity": "flow_ratio",
    "of": "pulmonary_periphery",
    "over": "systemic_periphery",
    "value": "1.8 +- 0.2",
}


def test_a_shunt_is_asked_for_where_there_is_none():
    text = refused(newborn(duct=False), {"qpqs": SHUNT})
    assert "1.8" in text and "no shunt" in text and "other than 1" in text
    check_targets(bedside_from_table({"targets": {"qpqs": SHUNT}}), newborn(duct=True))
    healthy = {**SHUNT, "value": "1.1 +- 0.2"}
    check_targets(bedside_from_table({"targets": {"qpqs": healthy}}), newborn(duct=False))


def test_flows_that_the_graph_ties_together():
    flows = {
        "left": {"quantity": "flow", "of": "aortic_valve", "value": "800 +- 40 mL/min"},
        "right": {"quantity": "flow", "of": "pulmonary_valve", "value": "400 +- 40 mL/min"},
    }
    text = refused(newborn(duct=False), flows)
    assert "targets.left" in text and "targets.right" in text
    check_targets(bedside_from_table({"targets": flows}), newborn(duct=True))
    # What leaves the left ventricle goes to the body or through the duct, with or without a shunt.
    split = {
        **flows,
        "body": {
            "quantity": "flow",
            "of": ["systemic_periphery", "duct"],
            "value": "500 +- 40 mL/min",
        },
    }
    assert "targets.body" in refused(newborn(duct=True), split)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ({"quantity": "pressure", "of": "pulmonary_artery", "value": "20 mmHg"}, "did you mean"),
        ({"quantity": "flow", "of": "aortic_valv", "value": "600 mL/min"}, "did you mean 'aortic_valve'"),
        ({"quantity": "ejection_fraction", "of": "pulmonary_veins", "value": "60 %"}, "chamber of the heart"),
        ({"quantity": "velocity", "of": ["duct", "aortic_valve"], "value": "2 m/s"}, "expected one name"),
    ],
)
def test_names_that_the_circulation_does_not_have(target, words):
    assert words in refused(newborn(), {"one": target})


def test_a_saturation_of_a_circulation_without_gas():
    target = {"quantity": "saturation", "of": AORTA, "value": "95 %"}
    check_targets(bedside_from_table({"targets": {"one": target}}), newborn())
    assert "does not follow oxygen" in refused(replace(newborn(), gas=None), {"one": target})


def test_the_rich_newborn_knows_its_shunt():
    ratio = {
        "quantity": "flow_ratio",
        "of": ["left_pulmonary_arterioles", "right_pulmonary_arterioles"],
        "over": ["superior_caval_orifice", "inferior_caval_orifice", "coronary_veins"],
        "value": "1.8 +- 0.2",
    }
    check_targets(bedside_from_table({"targets": {"qpqs": ratio}}), load_anatomy("patent_duct"))
