import json

import pytest

from hemoplan.errors import CalibrationError
from hemoplan.units import MMHG
from lumped.bedside.file import bedside_from_table, read_bedside

GIRL = """
name = "girl on day 3"
weight = "3.2 kg"

[targets.heart_rate]
quantity = "heart_rate"
value = "142 /min"

[targets.cuff]
quantity = "pressure"
of = "aorta"
value = "62/38 (47) mmHg"

[targets.line]
quantity = "pressure"
of = "aorta"
statistic = "systolic"
method = "catheter"
value = "60 mmHg"

[targets.output]
quantity = "flow"
of = ["aortic_valve"]
value = "215 mL/kg/min"
uncertainty = "10 %"

[targets.shunt]
quantity = "flow_ratio"
of = ["right_lung", "left_lung"]
over = "body"
value = 1.6

[factors.pulmonary_resistance]
log_sd = 0.7

[factors.coarctation]
members = ["isthmus.diameter"]
log_sd = 0.3

[factors.systole]
fixed = true
"""


def test_a_file(tmp_path):
    path = tmp_path / "girl.toml"
    path.write_text(GIRL)
    girl = read_bedside(path)
    assert girl.weight == pytest.approx(3.2)
    assert [each.name for each in girl.targets] == [
        "heart_rate",
        "cuff.systolic",
        "cuff.diastolic",
        "cuff.mean",
        "line",
        "output",
        "shunt",
    ]
    rate, systolic, _, mean, line, output, shunt = girl.targets
    assert rate.value == pytest.approx(142 / 60)
    # A cuff is good for 8.1 mmHg in systole and 6.1 in the mean (Werther 2018), a catheter for 2.
    assert systolic.sigma / MMHG == pytest.approx(8.1)
    assert mean.sigma / MMHG == pytest.approx(6.1)
    assert "Werther" in mean.source
    assert line.sigma / MMHG == pytest.approx(2.0)
    assert output.value == pytest.approx(3.2 * 215e-6 / 60)
    assert output.sigma == pytest.approx(0.1 * output.value)
    assert output.source == "given"
    assert shunt.of == ("right_lung", "left_lung")
    assert shunt.second == ("body",)
    assert [(each.name, each.log_sd, each.members, each.fixed) for each in girl.factors] == [
        ("pulmonary_resistance", 0.7, (), False),
        ("coarctation", 0.3, (("isthmus", "diameter"),), False),
        ("systole", None, (), True),
    ]


def test_json_says_the_same(tmp_path):
    path = tmp_path / "girl.json"
    table = {"targets": {"rate": {"quantity": "heart_rate", "value": "142 /min"}}}
    path.write_text(json.dumps(table))
    assert read_bedside(path).targets == bedside_from_table(table).targets


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quantity": "presure"}, "did you mean 'pressure'"),
        ({"quantity": None}, "missing"),
        ({"value": "0 /min", "quantity": "heart_rate", "of": None}, "20 to 400"),
        ({"value": 47}, "missing unit"),
        ({"value": None}, "missing"),
        ({"value": "47 mL"}, "wrong dimension"),
        ({"value": "470 mmHg"}, "out of range"),
        ({"valeu": "47 mmHg"}, "did you mean 'value'"),
        ({"of": None}, "missing"),
        ({"of": 3}, "expected a name"),
        ({"method": "cough"}, "unknown method"),
        ({"statistic": "sistolic"}, "did you mean 'systolic'"),
        ({"value": "62/38 mmHg", "statistic": "mean"}, "already says"),
        ({"value": "47 +- 3 mmHg", "uncertainty": "2 mmHg"}, "already says"),
        ({"uncertainty": "-2 mmHg"}, "not positive"),
        ({"uncertainty": 2}, "missing unit"),
        ({"over": "aorta"}, "unknown key"),
        ({"value": "105 %", "quantity": "saturation"}, "1 to 100 %"),
        ({"quantity": "heart_rate", "value": "140 /min"}, "whole child"),
        ({"quantity": "flow", "value": "0 mL/min"}, "share of zero"),
    ],
)
def test_what_is_wrong_with_a_target_is_said(changes, words):
    table = {"quantity": "pressure", "of": "aorta", "value": "47 mmHg"} | changes
    table = {key: value for key, value in table.items() if value is not None}
    with pytest.raises(CalibrationError, match=words) as caught:
        bedside_from_table({"targets": {"cuff": table}})
    assert "targets.cuff" in str(caught.value)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "no target"),
        ({"targts": {}}, "did you mean 'targets'"),
        ({"targets": 3}, "expected tables"),
        ({"targets": {"cuff": 3}}, "expected a table"),
        ({"weight": 3.2}, "missing unit"),
        ({"weight": "3.2 g"}, "0.3 to 200 kg"),
        ({"factors": {"systole": {"log_sd": 0}}}, "above 0"),
        ({"factors": {"systole": {"log_sd": "wide"}}}, "above 0"),
        ({"factors": {"systole": {"fixed": 1}}}, "true or false"),
        ({"factors": {"mine": {"members": ["duct"]}}}, "block.parameter"),
        ({"factors": {"mine": {"members": []}}}, "missing"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(table, words):
    with pytest.raises(CalibrationError, match=words):
        bedside_from_table(table)


def test_all_problems_are_told_at_once():
    table = {"weight": "3.2 kg", "targets": {"a": {"quantity": "flo"}, "b": {"quantity": "flow"}}}
    with pytest.raises(CalibrationError) as caught:
        bedside_from_table(table)
    assert "3 problems" in str(caught.value)


@pytest.mark.parametrize(("name", "text"), [("a.toml", "name = "), ("a.json", "{"), ("b.json", "[]")])
def test_files_that_are_none(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(CalibrationError, match=name):
        read_bedside(path)
    with pytest.raises(CalibrationError, match="cannot read"):
        read_bedside(tmp_path / "absent.toml")
