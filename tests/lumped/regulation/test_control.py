"""From regulations to factors on the parameters of a model."""

from dataclasses import replace

import numpy as np
import pytest

from hemoplan.errors import BoundaryError
from hemoplan.units import MMHG
from lumped.circulation.file import load_anatomy
from lumped.circulation.graph import Circulation, Regulation
from lumped.engine.build import build
from lumped.engine.periodic import periodic
from lumped.regulation.control import controls_of, followed, regulated, targets_of
from lumped.regulation.kinds import REGULATIONS
from lumped.regulation.sensing import Lungs, mean_pressure

REFLEX = Regulation(
    name="reflex",
    kind="baroreflex",
    senses="intrathoracic_arteries",
    acts_on=("heart", "systemic_periphery", "extrathoracic_veins", "left_ventricle", "right_ventricle"),
    parameters={"set_pressure": 50.0 * MMHG},
)
TONE = Regulation(name="tone", kind="pulmonary_tone", acts_on=("pulmonary_periphery",))


def newborn(*regulations: Regulation) -> Circulation:
    return replace(load_anatomy("cc0_neonate"), regulations=regulations)


@pytest.mark.parametrize("kind", REGULATIONS.values(), ids=lambda kind: kind.name)
def test_every_default_is_in_its_range(kind) -> None:
    assert kind.source
    for each in kind.parameters:
        assert each.low < each.high
        assert each.default is None or each.low <= each.default <= each.high


def test_low_pressure_calls_for_all_effects() -> None:
    """Below the set point: shorter period, more resistance and contractility, emptier veins; above it the reverse."""
    circulation = newborn(REFLEX)
    controls = controls_of(circulation)
    assert [each.name for each in controls] == [
        "reflex.period",
        "reflex.resistance",
        "reflex.volume",
        "reflex.contractility",
    ]
    history = periodic(build(circulation)).history
    mean = mean_pressure(history, "intrathoracic_arteries")
    for shift, signs in ((5.0, [-1, 1, -1, 1]), (-5.0, [1, -1, 1, -1])):
        moved = replace(REFLEX, parameters={"set_pressure": mean + shift * MMHG})
        factors = targets_of(controls_of(newborn(moved)), history, Lungs())
        assert np.sign(factors - 1.0).tolist() == signs
    at_rest = replace(REFLEX, parameters={"set_pressure": mean})
    assert targets_of(controls_of(newborn(at_rest)), history, Lungs()) == pytest.approx(1.0, rel=1e-12)


def test_factors_multiply_parameters_and_period() -> None:
    second = replace(TONE, name="second")
    circulation = newborn(REFLEX, TONE, second)
    model, controls = build(circulation), controls_of(circulation)
    new = regulated(model, controls, np.array([0.9, 1.5, 0.8, 1.2, 2.0, 3.0]))
    assert new.period == pytest.approx(0.9 * model.period)
    for block, parameter, factor in (
        ("systemic_periphery", "resistance", 1.5),
        ("extrathoracic_veins", "unstressed_volume", 0.8),
        ("left_ventricle", "systolic_elastance", 1.2),
        ("right_ventricle", "systolic_elastance", 1.2),
        ("pulmonary_periphery", "resistance", 6.0),
    ):
        assert new.blocks[block].values[parameter] == pytest.approx(
            factor * model.blocks[block].values[parameter]
        )
    assert new.blocks["aorta"].values == model.blocks["aorta"].values


def test_lungs_out_of_health_constrict() -> None:
    circulation = newborn(TONE)
    controls, history = controls_of(circulation), periodic(build(circulation)).history

    def factor(lungs: Lungs) -> float:
        return float(targets_of(controls, history, lungs)[0])

    assert factor(Lungs()) == pytest.approx(1.0, rel=1e-12)
    assert factor(Lungs(alveolar_po2=50.0 * MMHG)) > 1.15
    assert factor(Lungs(ph=7.2, alveolar_po2=50.0 * MMHG)) > factor(Lungs(alveolar_po2=50.0 * MMHG))
    assert factor(Lungs(inflation=0.6)) > 1.1 < factor(Lungs(inflation=1.6))


def test_factors_follow_with_their_lags() -> None:
    """By logarithms: after one time constant 1/e of the way is left."""
    controls = controls_of(newborn(REFLEX))
    rest, wanted = np.ones(4), np.array([0.8, 1.5, 0.9, 1.1])
    lags = np.array([each.lag for each in controls])
    assert lags == pytest.approx([2.0, 6.0, 20.0, 8.0])
    after = followed(controls, rest, wanted, 6.0)
    assert np.log(after / wanted) == pytest.approx(-np.log(wanted) * np.exp(-6.0 / lags), rel=1e-12)
    halves = followed(controls, followed(controls, rest, wanted, 3.0), wanted, 3.0)
    assert halves == pytest.approx(after, rel=1e-14)


def test_pressure_along_a_connection() -> None:
    history = periodic(build(newborn())).history
    drop = mean_pressure(history, "systemic_periphery")
    ends = mean_pressure(history, "extrathoracic_arteries") - mean_pressure(history, "extrathoracic_veins")
    assert drop == pytest.approx(ends, rel=1e-12)


def test_refusals() -> None:
    with pytest.raises(BoundaryError, match="must sense a pressure"):
        controls_of(newborn(replace(REFLEX, senses="")))
    closed = replace(
        load_anatomy("cc0_neonate"), regulations=(replace(REFLEX, acts_on=("intrathoracic_veins",)),)
    )
    vein = closed.compartment("intrathoracic_veins")
    bare = replace(vein, parameters={"compliance": vein.parameters["compliance"]})
    others = tuple(bare if each.name == vein.name else each for each in closed.compartments)
    with pytest.raises(BoundaryError, match="'intrathoracic_veins' has no unstressed volume"):
        controls_of(replace(closed, compartments=others))
    with pytest.raises(BoundaryError, match="'left_ventricle' has no resistance"):
        controls_of(newborn(replace(TONE, acts_on=("left_ventricle",))))
    with pytest.raises(BoundaryError, match="normal pressure is not between"):
        limits = {"normal_pressure": 20.0 * MMHG, "lower_limit": 30.0 * MMHG, "upper_limit": 70.0 * MMHG}
        build(
            newborn(
                Regulation(
                    name="cerebral",
                    kind="cerebral_autoregulation",
                    senses="systemic_periphery",
                    acts_on=("systemic_periphery",),
                    parameters=limits,
                )
            )
        )
