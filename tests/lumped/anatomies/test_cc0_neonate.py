"""The CC0 newborn and its patent duct against the outputs that LSODA gives for its equations, to the digits printed."""

from __future__ import annotations

import pytest

from hemoplan.units import MMHG, to_unit
from lumped.circulation.file import load_anatomy
from lumped.engine.build import build
from lumped.engine.marching import History
from lumped.engine.periodic import periodic

TABLE = {
    "healthy": (
        "cc0_neonate",
        (66.7, 38.5, 49.7),
        (28.5, 9.3, 15.6),
        (7.1, 9.4),
        (5.05, 1.73),
        (430, 431, 431, 0),
    ),
    "patent duct": (
        "cc0_patent_duct",
        (69.9, 19.3, 35.3),
        (50.9, 17.4, 28.9),
        (5.9, 13.4),
        (9.21, 0.96),
        (1069, 298, 1070, 772),
    ),
}
"""Anatomy; aortic and pulmonary pressure (highest, lowest, mean), atria (right, left) [mmHg]; volume of the left
ventricle [mL]; flow through aortic valve, pulmonary valve, lungs and duct [mL/min]."""


def pressures(history: History, node: str) -> tuple[float, float, float]:
    curve = history.pressure(node) / MMHG
    return float(curve.max()), float(curve.min()), float(curve[:-1].mean())


def flow(history: History, edge: str) -> float:
    if edge not in history.model.edges:
        return 0.0
    return to_unit(float(history.flow(edge)[:-1].mean()), "mL/min")


@pytest.mark.parametrize("case", TABLE)
def test_outputs_as_in_the_table(case: str) -> None:
    anatomy, aorta, pulmonary, atria, volumes, flows = TABLE[case]
    history = periodic(build(load_anatomy(anatomy)), steps=400).history
    assert pressures(history, "intrathoracic_arteries") == pytest.approx(aorta, abs=0.1)
    assert pressures(history, "pulmonary_arteries") == pytest.approx(pulmonary, abs=0.1)
    means = [pressures(history, f"{side}_atrium")[2] for side in ("right", "left")]
    assert means == pytest.approx(atria, abs=0.1)
    volume = history.volume("left_ventricle") * 1e6
    assert (volume.max(), volume.min()) == pytest.approx(volumes, abs=0.011)
    edges = ("aortic_valve", "pulmonary_valve", "pulmonary_periphery", "ductus_arteriosus")
    assert [flow(history, edge) for edge in edges] == pytest.approx(flows, rel=0.01, abs=1e-9)
