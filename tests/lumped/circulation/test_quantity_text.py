from __future__ import annotations

import math

import numpy as np
import pytest

from lumped.circulation.quantity_text import number_text, quantity_text, read_quantity

UNITS = ("mmHg", "mL/mmHg", "mmHg*s/mL", "mmHg*s**2/mL**2", "mL/min", "1/min", "mm", "kPa", "s")


@pytest.mark.parametrize("unit", UNITS)
def test_what_someone_wrote_comes_back_as_it_was(unit: str) -> None:
    for number in ("0.12", "1.2", "35", "1e-05", "0.0735292", "-3"):
        text = f"{number} {unit.removeprefix('1')}"
        assert quantity_text(read_quantity(text, unit), unit) == text


@pytest.mark.parametrize("unit", UNITS)
def test_any_number_comes_back_to_the_last_bit_or_the_one_before(unit: str) -> None:
    rng = np.random.default_rng(1)
    for value in rng.normal(size=300) * 10.0 ** rng.uniform(-12.0, 12.0, 300):
        back = read_quantity(quantity_text(float(value), unit), unit)
        assert abs(back - value) <= math.ulp(float(value))


def test_other_units_of_the_dimension_are_read() -> None:
    assert read_quantity("1 kPa", "mmHg") == pytest.approx(1000.0)
    assert read_quantity("60 mL/min", "mL/min") == pytest.approx(1e-6)
    assert read_quantity("5 cm", "mm") == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("value", "unit", "message"),
    [
        (3, "mmHg", "missing unit"),
        ("3", "mmHg", "missing unit"),
        ("3 mL", "mmHg", "wrong dimension"),
        ("3 mmHgg", "mmHg", "unknown unit"),
        ("3,5 mm", "mm", "comma"),
        ("nan mm", "mm", "finite"),
        ("3 mm", "1", "without a unit"),
        (math.nan, "1", "finite"),
        (True, "1", "without a unit"),
        (None, "mm", "not a quantity"),
    ],
)
def test_what_cannot_be_read(value: object, unit: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_quantity(value, unit)


def test_number_text_is_the_shortest_that_does_it() -> None:
    assert number_text(0.1 + 0.2, 1.0) == "0.30000000000000004"
    assert number_text(0.3, 1.0) == "0.3"
