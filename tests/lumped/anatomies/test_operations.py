"""What operations, closing ducts and oxygen do to the anatomies: directions that every textbook has, with some size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from hemoplan.units import MMHG, to_unit
from lumped.circulation.file import load_anatomy
from lumped.circulation.graph import Circulation, Compartment, Connection
from lumped.engine.build import build
from lumped.engine.marching import march
from lumped.physiology import steady
from lumped.physiology.comparisons import state


def course(
    anatomy: str, steps: Sequence[Sequence[str]], output: str, *, reflexes: bool = False
) -> list[float]:
    """An output after each of some operations [SI]."""
    return [state(anatomy, tuple(edits), reflexes)[output] for edits in steps]


def rises(values: Sequence[float]) -> bool:
    return bool(np.all(np.diff(values) > 0.0))


def falls(values: Sequence[float]) -> bool:
    return bool(np.all(np.diff(values) < 0.0))


def test_wider_shunts_flood_the_lungs_and_starve_the_body() -> None:
    """3, 3.5 and 4 mm: Qp/Qs rises, oxygen delivery is largest at 3 mm (Comput. Math. Methods Med. 2020, 4720908)."""
    sizes = [[f"set shunt.diameter {size} mm"] for size in (3.0, 3.5, 4.0)]
    ratios = course("norwood_bt", sizes, "qp_over_qs")
    assert rises(ratios)
    assert 0.7 < ratios[0] < 1.1 < ratios[2] < 1.8
    assert falls(course("norwood_bt", sizes, "oxygen_delivery"))
    assert falls(course("norwood_bt", sizes, "pressure.ascending_aorta.diastolic"))
    assert rises(course("norwood_bt", sizes, "saturation.preductal"))


def test_shunt_steals_from_the_heart_in_diastole() -> None:
    """A shunt runs off from the aorta all the time, a conduit from the ventricle does not: 27 against 32 mmHg
    (PMC4053497). Oxygen delivery: hybrid < shunt < conduit; Qp/Qs: conduit < shunt < hybrid (Circulation 2011).
    """
    shunt, conduit, hybrid = (state(name) for name in ("norwood_bt", "norwood_sano", "hybrid"))
    assert (
        4.0 * MMHG
        < conduit["coronary_perfusion_pressure"] - shunt["coronary_perfusion_pressure"]
        < 20.0 * MMHG
    )
    assert hybrid["oxygen_delivery"] < shunt["oxygen_delivery"] < conduit["oxygen_delivery"]
    assert conduit["qp_over_qs"] < shunt["qp_over_qs"] < hybrid["qp_over_qs"]
    assert hybrid["oxygen_delivery.cerebral"] < shunt["oxygen_delivery.cerebral"]


def test_order_of_caval_pressures() -> None:
    """Assisted Glenn > Glenn > shunt, and all lower at the lower resistance of the lungs (PMC6089632)."""
    high = [
        "set left_pulmonary_arterioles.resistance 3.51 mmHg*s/mL",
        "set right_pulmonary_arterioles.resistance 2.89 mmHg*s/mL",
    ]
    low = [
        "set left_pulmonary_arterioles.resistance 0.8 mmHg*s/mL",
        "set right_pulmonary_arterioles.resistance 0.655 mmHg*s/mL",
    ]
    pressure = "pressure.superior_caval_vein.mean"
    found = [
        [
            *course("norwood_bt", [resistance], pressure),
            *course("assisted_glenn", [["ligate shunt", *resistance], resistance], pressure),
        ]
        for resistance in (high, low)
    ]
    assert rises(found[0])
    assert rises(found[1])
    assert found[0][1] > found[1][1] + 3.0 * MMHG
    assert found[0][2] > found[1][2] + 3.0 * MMHG
    loads = [state(*case)["output.right_ventricle"] for case in (("norwood_bt",), ("assisted_glenn",))]
    assert loads[1] < 0.85 * loads[0]
    sizes = [
        state(*case)["volume.right_ventricle.end_diastolic"]
        for case in (("norwood_bt",), ("assisted_glenn",))
    ]
    assert sizes[1] < sizes[0]


def test_wider_ducts_load_the_left_heart() -> None:
    names = ("term_newborn", "patent_duct_small", "patent_duct", "patent_duct_large")
    found = [state(name) for name in names]
    for output in (
        "output.left_ventricle",
        "pressure.left_atrium.mean",
        "pressure.main_pulmonary_artery.mean",
        "volume.left_ventricle.end_diastolic",
    ):
        assert rises([each[output] for each in found]), output
    assert falls([each["pressure.ascending_aorta.diastolic"] for each in found])
    pulses = [
        each["pressure.ascending_aorta.systolic"] - each["pressure.ascending_aorta.diastolic"]
        for each in found
    ]
    assert rises(pulses)


def test_ligating_the_duct() -> None:
    """The steal ends: diastolic pressure and flow to the organs rise, that to the lungs is that to the body."""
    before, after = state("patent_duct_large"), state("patent_duct_large", ("ligate ductus_arteriosus",))
    assert after["qp_over_qs"] == pytest.approx(1.0, abs=0.002)
    assert (
        after["pressure.ascending_aorta.diastolic"]
        > before["pressure.ascending_aorta.diastolic"] + 5.0 * MMHG
    )
    assert after["systemic_flow"] > 1.05 * before["systemic_flow"]
    assert after["output.left_ventricle"] < 0.8 * before["output.left_ventricle"]


@pytest.mark.parametrize("anatomy", ["hypoplastic_left_heart", "interrupted_arch"])
def test_closing_duct_starves_the_body(anatomy: str) -> None:
    """Where the duct feeds the body, flow below it falls as it closes, and the lungs are flooded."""
    widths = [[], ["constrict ductus_arteriosus to 3 mm"], ["constrict ductus_arteriosus to 2 mm"]]
    assert falls(course(anatomy, widths, "flow.iliac_arteries"))
    assert falls(course(anatomy, widths, "pressure.descending_aorta.mean"))
    assert rises(course(anatomy, widths, "qp_over_qs"))


@pytest.mark.parametrize("anatomy", ["pulmonary_stenosis", "pulmonary_atresia_intact_septum"])
def test_closing_duct_starves_the_lungs(anatomy: str) -> None:
    """Where the duct feeds the lungs, saturation falls as it closes."""
    widths = [[], ["constrict ductus_arteriosus to 1.4 mm"], ["constrict ductus_arteriosus to 1.2 mm"]]
    assert falls(course(anatomy, widths, "pulmonary_flow"))
    saturations = course(anatomy, widths, "saturation.preductal")
    assert falls(saturations)
    assert saturations[2] < saturations[0] - 0.03


def test_balloon_septostomy_mixes() -> None:
    """In transposition a wider foramen lets more of what the duct brings to the lungs return: saturation rises
    and left atrial pressure falls (Rashkind).
    """
    sizes = [[f"set foramen.diameter {size} mm"] for size in (3.0, 4.0, 6.0)]
    saturations = course("transposition", sizes, "saturation.preductal")
    assert rises(saturations)
    assert saturations[2] > saturations[0] + 0.05
    assert falls(course("transposition", sizes, "pressure.left_atrium.mean"))


def test_relief_of_a_coarctation() -> None:
    before, after = (state("coarctation", edits) for edits in ((), ("dilate isthmus to 4.5 mm",)))
    gradients = [
        each["pressure.ascending_aorta.mean"] - each["pressure.descending_aorta.mean"]
        for each in (before, after)
    ]
    assert gradients[0] > 20.0 * MMHG
    assert gradients[1] < 3.0 * MMHG
    assert (
        after["pressure.ascending_aorta.systolic"] < before["pressure.ascending_aorta.systolic"] - 10.0 * MMHG
    )


def test_fenestration_trades_saturation_for_output() -> None:
    """As the fenestration is closed for a test, venous pressure and saturation rise (Bridges et al. 1995)."""
    closed, opened = state("fontan"), state("fontan_fenestrated")
    assert opened["pressure.superior_caval_vein.mean"] < closed["pressure.superior_caval_vein.mean"]
    assert opened["systemic_flow"] > closed["systemic_flow"]
    assert opened["saturation.preductal"] < closed["saturation.preductal"] - 0.04
    assert opened["qp_over_qs"] < 0.85


def test_holes_between_ventricles_by_size() -> None:
    sizes = [[f"set ventricular_septal_defect.diameter {size} mm"] for size in (2.0, 4.0, 6.0)]
    assert rises(course("ventricular_septal_defect", sizes, "qp_over_qs"))
    assert rises(course("ventricular_septal_defect", sizes, "pressure.right_ventricle.systolic"))


def test_relief_of_the_outflow_in_fallot() -> None:
    """A wider outflow of the right ventricle turns the shunt from right-to-left to left-to-right."""
    sizes = [
        [],
        [
            "set pulmonary_valve.quadratic_loss 0.01 mmHg*s**2/mL**2",
            "set pulmonary_valve.resistance 0.06 mmHg*s/mL",
        ],
    ]
    shunt = course("tetralogy_of_fallot", sizes, "flow.ventricular_septal_defect")
    assert shunt[0] < 0.0 < shunt[1]
    assert rises(course("tetralogy_of_fallot", sizes, "saturation.preductal"))


def test_oxygen_floods_the_lungs_of_one_ventricle() -> None:
    """Breathing 60 % oxygen lowers the resistance of the lungs: Qp/Qs rises, flow to the body falls."""
    child = load_anatomy("hypoplastic_left_heart")
    assert child.gas is not None
    air, oxygen = steady(child), steady(replace(child, gas=replace(child.gas, inspired_oxygen=0.6)))
    assert oxygen["qp_over_qs"] > 1.03 * air["qp_over_qs"]
    assert oxygen["systemic_flow"] < air["systemic_flow"]
    assert oxygen["saturation.preductal"] > air["saturation.preductal"]


def test_placenta_oxygenates_the_brain_first() -> None:
    """Saturation falls from umbilical vein to ascending aorta, to descending aorta, to upper caval vein."""
    fetus = state("fetus_term")
    order = [
        fetus[f"saturation.{node}"]
        for node in ("placenta", "ascending_aorta", "descending_aorta", "superior_caval_vein")
    ]
    assert falls(order)
    assert fetus["flow.foramen"] > 0.25 * (fetus["output.left_ventricle"] + fetus["output.right_ventricle"])
    assert fetus["flow.ductus_arteriosus"] < 0.0


def test_hole_of_two_millimetres() -> None:
    """200 to 300 mL/min at 20 to 40 mmHg in a Norwood study, with a discharge coefficient of 0.5.

    The default, 0.7, of a thin edge, gives 40 % more.
    """

    def flow(drop: float, discharge: float) -> float:
        ends = [
            Compartment(name=name, kind="reservoir", parameters={"pressure": pressure})
            for name, pressure in (("before", drop * MMHG), ("beyond", 0.0))
        ]
        hole = Connection(
            name="hole",
            kind="hole",
            source="before",
            target="beyond",
            parameters={"diameter": 2e-3, "discharge_coefficient": discharge},
        )
        vessel = Compartment(
            name="side",
            kind="vessel",
            parameters={"compliance": 1e-9, "unstressed_volume": 1e-6},
            volume=1e-6,
        )
        branch = Connection(
            name="branch", kind="resistor", source="beyond", target="side", parameters={"resistance": 1e8}
        )
        circuit = Circulation(
            name="hole", period=0.5, compartments=(*ends, vessel), connections=(hole, branch)
        )
        return to_unit(float(march(build(circuit), steps=20).flow("hole")[-1]), "mL/min")

    assert flow(20.0, 0.5) == pytest.approx(200.0, rel=0.06)
    assert flow(40.0, 0.5) == pytest.approx(300.0, rel=0.02)
    assert flow(20.0, 0.7) == pytest.approx(1.4 * flow(20.0, 0.5), rel=0.02)
