from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import TypeAdapter

from hemoplan.units import MMHG, Quantity, parse_quantity, to_unit


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("78 mmHg", "mmHg", 78 * 133.322387415),
        ("7.8 kPa", "mmHg", 7800.0),
        ("0.8 mm", "mm", 8e-4),
        ("4.2 L/min", "mL/min", 7.0e-5),
        ("250 mL/min/kg", "mL/min/kg", 250e-6 / 60.0),
        ("4 cP", "mPa*s", 4e-3),
        ("1 mmHg*s/mL", "mmHg*s/mL", 1.33322387415e8),
        ("1 mL/mmHg", "mL/mmHg", 7.50061576e-9),
        ("1 Wood_unit", "mmHg*s/mL", 133.322387415 * 60.0 / 1e-3),
        ("140/min", "1/min", 140.0 / 60.0),
        ("140 beat/min", "1/min", 140.0 / 60.0),
        ("-3 mmHg", "mmHg", -3 * 133.322387415),
        ("1060 kg/m^3", "kg/m^3", 1060.0),
    ],
)
def test_clinical_units_become_si(text: str, unit: str, expected: float) -> None:
    assert parse_quantity(text, unit) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(
    ("text", "unit", "message"),
    [
        (3.4, "kg", 'missing unit; expected .* such as "3.4 kg"'),
        ("3.4", "kg", "missing unit"),
        ("3.4 mm", "kg", r"wrong dimension \[length\]; expected a text with a unit of the kind \"kg\""),
        ("3.4 kgg", "kg", "unknown unit 'kgg'"),
        ("about three", "kg", "unknown unit|cannot be read"),
        ("3,4 kg", "kg", "a comma in a number; write a decimal point"),
        ("", "kg", "cannot be read"),
        ("nan kg", "kg", "not a finite number"),
        ("1e400 kg", "kg", "not a finite number"),
        (True, "kg", "not a quantity"),
        (None, "kg", "not a quantity"),
        (["3 kg"], "kg", "not a quantity"),
        ("80 mmHg*s/mL", "mmHg", "wrong dimension"),
    ],
)
def test_what_is_wrong_is_said(text: object, unit: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_quantity(text, unit)


def test_a_field_has_limits_and_includes_them() -> None:
    length = Quantity("mm", 0.2, 60.0)
    assert length.validate("0.2 mm") == pytest.approx(2e-4)
    assert length.validate("6 cm") == pytest.approx(0.06)
    with pytest.raises(ValueError, match=r"out of range: 61 mm; expected 0.2 to 60 mm"):
        length.validate("61 mm")


def test_quantity_is_a_text_in_the_schema() -> None:
    schema = TypeAdapter(Annotated[float, Quantity("mm", 0.2, 60.0)]).json_schema()
    assert schema["type"] == "string"
    assert "0.2 to 60 mm" in schema["description"]


def test_back_to_clinical_units() -> None:
    assert to_unit(78.0 * MMHG, "mmHg") == pytest.approx(78.0, rel=1e-12)
    assert to_unit(1e-6, "mL/min") == pytest.approx(60.0, rel=1e-12)
