from __future__ import annotations

import pytest

from planning.wording import duration, listed, plain, signed, spoken


def test_numbers_have_a_real_minus_and_no_negative_zero() -> None:
    assert plain(-3.14159, 2) == "−3.14"
    assert plain(-0.001, 2) == "0.00"
    assert signed(0.5, 1) == "+0.5"
    assert signed(-0.5, 1) == "−0.5"
    assert signed(-0.04, 1) == "±0.0"


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.24, "4.2 s"), (42.0, "42 s"), (200.0, "3 min 20 s"), (3900.0, "1 h 5 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_names_and_lists() -> None:
    assert spoken("left_carotid") == "left carotid"
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
