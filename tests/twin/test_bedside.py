from __future__ import annotations

import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest

from hemoplan.case import Case, Outlet
from hemoplan.case_file import load_case
from hemoplan.errors import BoundaryError
from hemoplan.units import MMHG
from twin.bedside import calibration_targets, given_windkessels

SHIPPED = Path(__file__).parents[2] / "cases" / "neonatal_coarctation"


def case() -> Case:
    return load_case(SHIPPED)


def with_windkessels() -> Case:
    outlet = Outlet.model_validate(
        {
            "proximal_resistance": "1 mmHg*s/mL",
            "compliance": "0.1 mL/mmHg",
            "distal_resistance": "9 mmHg*s/mL",
        }
    )
    return case().model_copy(update={"outlets": dict.fromkeys(case().outlet_names, outlet)})


def test_targets_are_what_the_case_file_says() -> None:
    table = tomllib.loads((SHIPPED / "case.toml").read_text(encoding="utf-8"))
    targets = calibration_targets(case())
    assert targets is not None
    assert targets.site == table["patient"]["cuff"]["site"]
    for key, value in asdict(targets.cuff).items():
        assert value == pytest.approx(float(table["patient"]["cuff"][key].split()[0]) * MMHG)
    assert targets.venous_pressure == pytest.approx(5.0 * MMHG)
    for name, fraction in targets.fractions.items():
        assert fraction == pytest.approx(table["outlets"][name]["flow_fraction"], rel=1e-3)
    assert sum(targets.fractions.values()) == pytest.approx(1.0, abs=1e-12)


def test_given_windkessels_need_no_targets() -> None:
    given = with_windkessels()
    assert calibration_targets(given) is None
    bank = given_windkessels(given)
    assert bank.ports == given.outlet_names
    assert bank.windkessels[0].total_resistance == pytest.approx(10.0 * MMHG * 1e6)
    assert bank.windkessels[0].time_constant == pytest.approx(0.9)
    assert bank.windkessels[0].distal_pressure == pytest.approx(5.0 * MMHG)


def test_a_case_without_windkessels_names_the_outlet() -> None:
    with pytest.raises(BoundaryError, match=r"\[outlets.brachiocephalic\] the outlet has no Windkessel"):
        given_windkessels(case())
