"""The anatomies that ship with hemoplan: they can be read, and they do what is known of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lumped.circulation.check import check_circulation
from lumped.circulation.file import load_anatomy
from lumped.circulation.graph import Circulation
from lumped.circulation.library import anatomies, anatomy_path
from lumped.circulation.operations import apply
from lumped.engine.build import build
from lumped.engine.periodic import periodic

MMHG = 133.322387415


@pytest.mark.parametrize("name", anatomies())
def test_is_one_circulation_and_says_what_it_is(name: str) -> None:
    anatomy = load_anatomy(name)
    check_circulation(anatomy)
    assert anatomy.name
    assert anatomy.description
    assert anatomy.origin == str(anatomy_path(name))


def pressures(anatomy: Circulation, node: str) -> tuple[float, float, float]:
    """Systolic, diastolic and mean pressure [mmHg] in the periodic beat."""
    history = periodic(build(anatomy)).history
    p = history.pressure(node) / MMHG
    return float(p.max()), float(p.min()), float(np.trapezoid(p) / (p.size - 1))


def test_cc0_neonate_against_its_table() -> None:
    """Computed from its published parameters by another solver at tight tolerance; its valves open at once."""
    newborn = load_anatomy("cc0_neonate")
    assert pressures(newborn, "intrathoracic_arteries") == pytest.approx((66.7, 38.5, 49.7), abs=0.4)
    assert pressures(newborn, "pulmonary_arteries") == pytest.approx((28.5, 9.3, 15.6), abs=0.3)
    history = periodic(build(newborn)).history
    flow = history.flow("aortic_valve")
    assert np.trapezoid(flow) / (flow.size - 1) * 6e7 == pytest.approx(430.0, rel=0.01)
    volume = history.volume("left_ventricle") * 1e6
    assert (volume.max(), volume.min()) == pytest.approx((5.05, 1.73), abs=0.03)


def test_cc0_neonate_without_the_slipped_decade() -> None:
    """With 0.15 in the place of 1.5 mmHg s/mL between its arteries, 50/35."""
    mended = apply(load_anatomy("cc0_neonate"), "set aorta.resistance 0.15 mmHg*s/mL")
    systolic, diastolic, _ = pressures(mended, "intrathoracic_arteries")
    assert (systolic, diastolic) == pytest.approx((50.0, 35.0), abs=0.5)


def test_cc0_neonate_has_the_published_parameters(shared_data: Path) -> None:
    path = shared_data.parent / "peer-cases" / "neonate_cc0" / "neonate_healthy_parameters.json"
    if not path.is_file():
        pytest.skip("the parameters of the CC0 neonate are not beside the shared data")
    content = json.loads(path.read_text(encoding="utf-8"))
    published, volumes = content["parameters"], content["initial_volumes_mL"]
    newborn = load_anatomy("cc0_neonate")
    compartments = {
        "ITHA": "intrathoracic_arteries",
        "ETHA": "extrathoracic_arteries",
        "ETHV": "extrathoracic_veins",
        "ITHV": "intrathoracic_veins",
        "PA": "pulmonary_arteries",
        "PV": "pulmonary_veins",
        "LA": "left_atrium",
        "RA": "right_atrium",
        "LV": "left_ventricle",
        "RV": "right_ventricle",
    }
    for short, name in compartments.items():
        part = newborn.compartment(name)
        assert part.volume * 1e6 == pytest.approx(volumes[short])
        assert part.parameters["unstressed_volume"] * 1e6 == pytest.approx(published[f"U{short}"])
        if f"C{short}" in published:
            assert part.parameters["compliance"] * 1e6 * MMHG == pytest.approx(published[f"C{short}"])
        else:
            found = [
                part.parameters[f"{phase}_elastance"] / MMHG * 1e-6 for phase in ("diastolic", "systolic")
            ]
            assert found == pytest.approx(published[f"E{short}"])
    resistances = {
        "RMV": "mitral_valve",
        "RAV": "aortic_valve",
        "RTV": "tricuspid_valve",
        "RPV": "pulmonary_valve",
        "RETHA": "aorta",
        "RSP": "systemic_periphery",
        "RETHV": "systemic_veins",
        "RRA": "venous_return",
        "RPP": "pulmonary_periphery",
        "RLA": "pulmonary_venous_return",
    }
    for short, name in resistances.items():
        assert newborn.connection(name).parameters["resistance"] / MMHG * 1e-6 == pytest.approx(
            published[short]
        )
    assert newborn.connection("aorta").parameters["inertance"] / MMHG * 1e-6 == pytest.approx(published["L"])
    assert 60.0 / newborn.period == pytest.approx(published["HR"])
    assert newborn.surroundings[0].pressure / MMHG == pytest.approx(published["Pth"])
