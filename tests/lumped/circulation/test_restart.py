from __future__ import annotations

import math
from dataclasses import replace

import pytest

from hemoplan.errors import VariantError
from lumped.circulation.graph import Circulation, Compartment, Connection
from lumped.circulation.operations import apply
from lumped.circulation.restart import carry_over, compliance


def volumes_of(circulation: Circulation) -> dict[str, float]:
    return {each.name: each.volume for each in circulation.compartments}


def with_graft(circulation: Circulation, volume: float) -> Circulation:
    """A compliant graft of 2 mL between the arteries."""
    graft = Compartment(
        name="graft",
        kind="vessel",
        parameters={"compliance": 1e-10, "unstressed_volume": 2e-6},
        volume=volume,
    )
    ways = (
        Connection(
            name="g1",
            kind="resistor",
            source="intrathoracic_arteries",
            target="graft",
            parameters={"resistance": 1e8},
        ),
        Connection(
            name="g2",
            kind="resistor",
            source="graft",
            target="pulmonary_arteries",
            parameters={"resistance": 1e8},
        ),
    )
    return replace(
        circulation,
        compartments=(*circulation.compartments, graft),
        connections=(*circulation.connections, *ways),
    )


def test_operation_without_new_vessels_moves_no_blood(newborn: Circulation) -> None:
    volumes = volumes_of(newborn)
    assert carry_over(newborn, apply(newborn, "band pulmonary_arteries 4 mm"), volumes) == volumes


def test_new_vessel_is_filled_from_the_veins(newborn: Circulation) -> None:
    volumes = volumes_of(newborn)
    for given, expected in ((0.0, 2e-6), (2.7e-6, 2.7e-6)):
        after = carry_over(newborn, with_graft(newborn, given), volumes)
        assert after["graft"] == expected
        assert after["extrathoracic_veins"] == pytest.approx(
            volumes["extrathoracic_veins"] - expected, rel=1e-14
        )
        others = set(volumes) - {"extrathoracic_veins"}
        assert all(after[name] == volumes[name] for name in others)
        assert math.fsum(after.values()) == pytest.approx(math.fsum(volumes.values()), rel=1e-15)


def test_blood_of_a_removed_vessel_goes_to_its_neighbours(newborn: Circulation) -> None:
    """Its blood goes to the two arteries that it joined, as their compliances are: pressures rise alike."""
    grafted = with_graft(newborn, 3e-6)
    volumes = volumes_of(grafted)
    after = carry_over(grafted, apply(grafted, "remove graft"), volumes)
    rises = [
        (after[name] - volumes[name]) / grafted.compartment(name).parameters["compliance"]
        for name in ("intrathoracic_arteries", "pulmonary_arteries")
    ]
    assert rises[0] == pytest.approx(rises[1], rel=1e-9)
    assert math.fsum(after.values()) == pytest.approx(math.fsum(volumes.values()), rel=1e-15)
    assert "graft" not in after


def test_neighbours_are_found_through_junctions(newborn: Circulation) -> None:
    """A graft that hangs on a junction leaves its blood to what lies behind it."""
    grafted = with_graft(newborn, 3e-6)
    through = apply(grafted, "insert a into g1", "insert b into g2")
    volumes = volumes_of(through) | {"graft": 3e-6}
    volumes = {each.name: volumes[each.name] for each in through.compartments if each.kind != "junction"}
    after = carry_over(through, newborn, volumes)
    assert after["pulmonary_arteries"] > volumes["pulmonary_arteries"]
    assert after["left_atrium"] == volumes["left_atrium"]
    assert math.fsum(after.values()) == pytest.approx(math.fsum(volumes.values()), rel=1e-15)


def test_more_blood_than_the_first_reservoir_has(newborn: Circulation) -> None:
    volumes = volumes_of(newborn)
    after = carry_over(newborn, with_graft(newborn, 150e-6), volumes)
    assert after["extrathoracic_veins"] == 0.0
    assert after["pulmonary_veins"] < volumes["pulmonary_veins"]
    assert min(after.values()) >= 0.0
    assert math.fsum(after.values()) == pytest.approx(math.fsum(volumes.values()), rel=1e-15)


def test_more_blood_than_there_is(newborn: Circulation) -> None:
    with pytest.raises(VariantError, match="not enough blood"):
        carry_over(newborn, with_graft(newborn, 2000e-6), volumes_of(newborn))


def test_missing_volumes_are_named(newborn: Circulation) -> None:
    with pytest.raises(VariantError, match="left_atrium"):
        carry_over(newborn, newborn, {name: 1e-6 for name in volumes_of(newborn) if name != "left_atrium"})


def test_compliance_of_fibres_is_the_slope_of_their_law(everything: Circulation) -> None:
    import numpy as np

    from lumped.blocks.compartment_laws import transmural_pressure
    from lumped.blocks.compartments import COMPARTMENTS
    from lumped.blocks.record import Blood

    for name in ("right_atrium", "left_atrium", "left_ventricle", "veins", "aorta"):
        each = everything.compartment(name)
        kind = COMPARTMENTS[each.kind]
        full = kind.complete(each.parameters)
        p = np.array(kind.pack(full, Blood()))
        _, slope = transmural_pressure(kind.law, p, 0, full["unstressed_volume"] * (1.0 + 1e-9), 0.0)
        assert compliance(each) == pytest.approx(1.0 / slope, rel=1e-6)
