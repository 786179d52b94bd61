import pytest

from hemoplan.units import ML_PER_MIN, MMHG
from lumped.bedside.value_text import read_measured, read_uncertainty


@pytest.mark.parametrize(
    ("text", "unit", "value", "sigma", "share"),
    [
        ("142 /min", "1/min", 142 / 60, None, None),
        ("142 +- 3 /min", "1/min", 142 / 60, 3 / 60, None),
        ("142 /min +- 3 /min", "1/min", 142 / 60, 3 / 60, None),
        ("0.69 L/min ± 10 %", "mL/min", 690 * ML_PER_MIN, None, 0.10),
        ("690 +/- 60 mL/min", "mL/min", 690 * ML_PER_MIN, 60 * ML_PER_MIN, None),
        ("-3 mmHg", "mmHg", -3 * MMHG, None, None),
        ("2.4 m/s", "m/s", 2.4, None, None),
        ("62 %", "%", 0.62, None, None),
        ("95 +- 2 %", "%", 0.95, 0.02, None),
        ("1.6 +- 0.2", "1", 1.6, 0.2, None),
        ("1.6 +- 20 %", "1", 1.6, None, 0.2),
        (1.6, "1", 1.6, None, None),
        ("215 mL/kg/min", "mL/min", 3.2 * 215 * ML_PER_MIN, None, None),
        ("2.4 mL/kg +- 0.3 mL/kg", "mL", 3.2 * 2.4e-6, 3.2 * 0.3e-6, None),
    ],
)
def test_a_number_with_unit_and_spread(text, unit, value, sigma, share):
    found = read_measured(text, unit, weight=3.2)
    assert found.values == {"": pytest.approx(value, rel=1e-12)}
    assert found.sigma == (None if sigma is None else pytest.approx(sigma, rel=1e-12))
    assert found.share == (None if share is None else pytest.approx(share, rel=1e-12))


@pytest.mark.parametrize("text", ["62/38 (47) mmHg", "62 / 38 ( 47 ) mmHg", "62/38(47)mmHg +- 3 mmHg"])
def test_pressures_as_they_are_charted(text):
    found = read_measured(text, "mmHg")
    assert found.values == {
        "systolic": pytest.approx(62 * MMHG),
        "diastolic": pytest.approx(38 * MMHG),
        "mean": pytest.approx(47 * MMHG),
    }
    assert found.sigma == (pytest.approx(3 * MMHG) if "+-" in text else None)


def test_pressures_without_a_mean():
    assert set(read_measured("62/38 mmHg", "mmHg").values) == {"systolic", "diastolic"}


@pytest.mark.parametrize(
    ("text", "unit", "words"),
    [
        (47, "mmHg", "missing unit"),
        ("47", "mmHg", "missing unit"),
        ("47 mL", "mmHg", "wrong dimension"),
        ("62/38 (47)", "mmHg", "missing unit"),
        ("47,5 mmHg", "mmHg", "comma"),
        ("47 +- 3 +- 2 mmHg", "mmHg", "more than one"),
        ("47 mmHg +- 0 mmHg", "mmHg", "not positive"),
        ("47 mmHg +- 0 %", "mmHg", "not positive"),
        ("47 mmHg +- some", "mmHg", "not a number"),
        ("nan mmHg", "mmHg", "finite|read"),
        ("", "mmHg", "unit|read"),
        (True, "mmHg", "not a quantity"),
        ("215 mL/kg/min", "mL/min", "weight"),
    ],
)
def test_what_cannot_be_read_says_why(text, unit, words):
    with pytest.raises(ValueError, match=words):
        read_measured(text, unit)


def test_an_uncertainty_alone():
    assert read_uncertainty("3 mmHg", "mmHg").sigma == pytest.approx(3 * MMHG)
    assert read_uncertainty("10 %", "mmHg").share == pytest.approx(0.1)
    assert read_uncertainty(0.2, "1").sigma == pytest.approx(0.2)
    with pytest.raises(ValueError, match="missing unit"):
        read_uncertainty(3, "mmHg")
