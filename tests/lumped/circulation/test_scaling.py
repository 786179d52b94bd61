from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hemoplan.arrays import FloatArray
from hemoplan.errors import CaseError, VariantError
from lumped.circulation.check import check_circulation
from lumped.circulation.graph import Circulation
from lumped.circulation.growth import (
    body_surface_area,
    duct_diameter,
    heart_rate,
    pulmonary_pressure,
    systemic_pressure,
)
from lumped.circulation.operations import apply
from lumped.circulation.scaling import age, mature, scale
from lumped.engine.build import build
from lumped.engine.periodic import periodic

MMHG = 133.322387415
LUNGS = ("pulmonary_periphery",)


def beat(circulation: Circulation) -> tuple[dict[str, float], dict[str, float]]:
    """Mean pressures of the compartments and mean flows of the connections over the periodic beat."""
    history = periodic(build(circulation)).history

    def mean(curve: FloatArray) -> float:
        return float(np.trapezoid(curve) / (curve.size - 1))

    pressures = {each.name: mean(history.pressure(each.name)) for each in circulation.compartments}
    return pressures, {each.name: mean(history.flow(each.name)) for each in circulation.connections}


@pytest.mark.parametrize(("weight", "exponent"), [(1.1, 1.0), (6.0, 1.0), (70.0, 0.75)])
def test_size_alone_changes_no_pressure(newborn: Circulation, weight: float, exponent: float) -> None:
    pressures, flows = beat(newborn)
    others, other_flows = beat(scale(newborn, weight, output_exponent=exponent))
    assert others == pytest.approx(pressures, rel=1e-6, abs=1e-3)
    assert other_flows == pytest.approx(
        {name: flow * (weight / 3.0) ** exponent for name, flow in flows.items()}, rel=1e-6
    )


def test_newborns_have_one_output_per_kilogram(newborn: Circulation) -> None:
    """143 mL/min/kg is what this newborn has; a preterm of 1.1 kg has the same, at the same heart rate."""
    small = scale(newborn, 1.1)
    per_kilogram = [beat(each)[1]["aorta"] / each.weight for each in (newborn, small)]
    assert per_kilogram[1] == pytest.approx(per_kilogram[0], rel=1e-6)
    assert per_kilogram[0] * 6e7 == pytest.approx(430.0 / 3.0, rel=0.01)
    assert small.period == newborn.period


def test_adult_of_the_same_build_has_a_slow_heart(newborn: Circulation) -> None:
    """With W^0.25 of the period, 130 a minute at 3 kg become 59 at 70 kg."""
    assert 60.0 / scale(newborn, 70.0, output_exponent=0.75).period == pytest.approx(59.1, abs=0.1)


def test_back_and_forth_is_where_one_was(everything: Circulation) -> None:
    back = scale(scale(everything, 1.2), everything.weight)
    for one, other in zip(back.compartments, everything.compartments, strict=True):
        for key, value in other.parameters.items():
            assert one.parameters[key] == pytest.approx(value, rel=1e-12)
    check_circulation(scale(everything, 1.2))


def test_shapes_follow_the_surface_of_the_body(newborn: Circulation) -> None:
    """Half the weight: 0.629 of the surface, so 0.793 of a shunt's diameter; 0.794 of its length."""
    shunted = apply(newborn, "add shunt 4 mm from intrathoracic_arteries to pulmonary_arteries")
    shunt = scale(shunted, 1.5).connection("shunt").parameters
    assert shunt["diameter"] / 4e-3 == pytest.approx(0.793, abs=1e-3)
    assert shunt["length"] / 20e-3 == pytest.approx(0.5 ** (1.0 / 3.0))


def test_weight_out_of_range(newborn: Circulation) -> None:
    with pytest.raises(VariantError, match="0.3 to 200 kg"):
        scale(newborn, 0.03)


def test_body_surface_of_the_newborns_of_the_cmr_study() -> None:
    """Twenty of 3.54 kg had 0.23 m² (J Cardiovasc Magn Reson 2023;25:26); an adult of 70 kg and 1.75 m has 1.85."""
    assert body_surface_area(3.54) == pytest.approx(0.23, abs=0.005)
    assert body_surface_area(70.0, 1.75) == pytest.approx(1.85, abs=0.01)


def test_normal_values_by_age() -> None:
    day = 86400.0
    assert heart_rate(0.5 * day) * 60.0 == pytest.approx(121.0)
    assert heart_rate(30.0 * day) * 60.0 == pytest.approx(145.0)
    assert pulmonary_pressure(day) / MMHG == pytest.approx(34.4)
    assert duct_diameter(0.5 * day) == pytest.approx(2.47e-3)
    assert systemic_pressure(27.0 * 7.0 * day) / MMHG == pytest.approx(41.5)
    with pytest.raises(CaseError, match="2 to 72 hours"):
        pulmonary_pressure(10.0 * day)


def test_younger_newborn_has_stiffer_lungs_and_a_wider_duct(newborn: Circulation) -> None:
    with_duct = apply(
        newborn,
        "add shunt 1.2 mm from extrathoracic_arteries to pulmonary_arteries length 8 mm as ductus_arteriosus",
    )
    young = age(with_duct, 6.0, pulmonary=LUNGS)
    ratio = (51.8 - 5.0) / (25.3 - 5.0)
    old, new = (each.connection("pulmonary_periphery").parameters["resistance"] for each in (newborn, young))
    assert new / old == pytest.approx(ratio)
    assert young.connection("ductus_arteriosus").parameters["diameter"] == pytest.approx(3.37e-3)
    assert 60.0 / young.period == pytest.approx(121.0)


def test_pulmonary_pressure_of_the_age_is_met(newborn: Circulation) -> None:
    """Without a duct, mean pressure above that of the left atrium rises as the resistance does, to a few per cent."""
    young = replace(age(newborn, 24.0, pulmonary=LUNGS), period=newborn.period)
    (old, old_flows), (new, new_flows) = beat(newborn), beat(young)
    rise = (new["pulmonary_arteries"] - new["left_atrium"]) / (old["pulmonary_arteries"] - old["left_atrium"])
    flow = new_flows["pulmonary_periphery"] / old_flows["pulmonary_periphery"]
    assert rise == pytest.approx((34.4 - 5.0) / (25.3 - 5.0) * flow, rel=0.02)


def test_preterm_has_a_lower_systemic_resistance(newborn: Circulation) -> None:
    early = mature(newborn, 28.0, systemic=("systemic_periphery",))
    ratio = [each.connection("systemic_periphery").parameters["resistance"] for each in (early, newborn)]
    assert ratio[0] / ratio[1] == pytest.approx(43.125 / 59.5)
    with pytest.raises(VariantError, match="no connection 'body'"):
        mature(newborn, 28.0, systemic=("body",))
