"""Transport of oxygen and CO2: conservation, closed forms, and the balances of lungs and tissues."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.optimize import brentq

from hemoplan.errors import CaseError, DivergenceError
from hemoplan.units import ML_PER_MIN, MMHG
from lumped.circulation.file import load_anatomy
from lumped.circulation.graph import OUTSIDE, GasExchange
from lumped.engine.build import build
from lumped.engine.marching import History, march
from lumped.engine.periodic import periodic
from lumped.gas.blood import Blood, contents
from lumped.gas.delivery import CRITICAL_EXTRACTION, best_flow_ratio, parallel_circulation
from lumped.gas.transport import (
    GasState,
    march_gas,
    next_gas_beat,
    periodic_gas,
    settled,
    split_beats,
    uniform_state,
)
from lumped.lungs.exchange import lung_gas

from .pumped import loop, one_beat, pumped

SERIES = GasExchange(
    oxygen_consumption=18.0 * ML_PER_MIN,
    consumers={"body": 1.0},
    lungs=("lungs",),
    alveolar_ventilation=300.0 * ML_PER_MIN,
    shunt_share=0.1,
)
VOLUMES = {"lungs": 30.0, "arteries": 40.0, "body": 60.0, "veins": 120.0}


@pytest.fixture(scope="module")
def newborn() -> History:
    """A periodic beat of the CC0 newborn with a duct, in which valves open and close and blood goes back and forth."""
    circulation = load_anatomy("cc0_neonate")
    duct = replace(
        circulation.connection("aorta"),
        name="duct",
        target="pulmonary_arteries",
        parameters={**circulation.connection("aorta").parameters, "resistance": 0.5 * MMHG / 1e-6},
    )
    gas = replace(SERIES, consumers={"extrathoracic_veins": 1.0}, lungs=("pulmonary_veins",))
    whole = replace(circulation, connections=(*circulation.connections, duct), gas=gas)
    return periodic(build(whole), steps=40).history


def test_blood_of_one_content_keeps_it(newborn: History) -> None:
    """With nothing to exchange, mixing changes nothing, whatever flows."""
    gas = replace(SERIES, oxygen_consumption=0.0, consumers={}, lungs=(), placentas=("pulmonary_veins",))
    model = replace(newborn.model, circulation=replace(newborn.model.circulation, gas=gas))
    history = replace(newborn, model=model)
    blood = Blood(hemoglobin=160.0, fetal_fraction=0.75, base_excess=-2.0).row()
    oxygen, carbon_dioxide, *_ = contents(gas.placental_oxygen, gas.placental_carbon_dioxide, blood)
    start = uniform_state(history)
    state = replace(start, amounts=np.outer(start.volumes, [oxygen, carbon_dioxide]))
    beat = next_gas_beat(history, state)
    np.testing.assert_allclose(
        beat.contents, np.broadcast_to([oxygen, carbon_dioxide], beat.contents.shape), rtol=1e-12
    )


def test_no_gas_is_made_or_lost(newborn: History) -> None:
    """Change of the total in each beat = uptake - consumption; CO2 likewise with the respiratory quotient."""
    for beat in march_gas([newborn] * 20, uniform_state(newborn)):
        change = beat.end.amounts.sum(axis=0) - beat.start.amounts.sum(axis=0)
        taken = beat.consumption.sum() * np.array([1.0, -SERIES.respiratory_quotient])
        balance = change - (beat.uptake - taken) * beat.passage.duration
        assert np.abs(balance).max() < 1e-14 * beat.start.amounts.sum()


def test_each_compartment_has_its_balance(newborn: History) -> None:
    """In the periodic state the gas that connections bring to a compartment is what they take, but for its sites."""
    beat = periodic_gas(newborn)
    np.testing.assert_allclose(beat.end.amounts, beat.start.amounts, rtol=1e-11)
    for i, name in enumerate(beat.passage.nodes):
        gained = np.zeros(2)
        for e in range(len(beat.passage.edges)):
            carried = beat.ahead[e] - beat.back[e]
            gained += carried * (float(beat.passage.target[e] == i) - float(beat.passage.source[e] == i))
        expected = np.zeros(2)
        if name == "pulmonary_veins":
            expected = -beat.uptake
        elif name == "extrathoracic_veins":
            expected = beat.consumption.sum() * np.array([1.0, -SERIES.respiratory_quotient])
        np.testing.assert_allclose(gained, expected, rtol=1e-9, atol=1e-9 * beat.uptake[0])


def test_periodic_state_is_what_many_beats_lead_to(newborn: History) -> None:
    """From another start, with a ventilation that makes it quick; the rest of the way is what the last beats go."""
    gas = replace(newborn.model.circulation.gas or SERIES, alveolar_ventilation=3000.0 * ML_PER_MIN)
    history = replace(
        newborn, model=replace(newborn.model, circulation=replace(newborn.model.circulation, gas=gas))
    )
    aim = periodic_gas(history)
    last = march_gas([history] * 4500, uniform_state(history), lung_volume=1e-5)[-1]
    np.testing.assert_allclose(last.end.amounts, aim.end.amounts, rtol=1e-6)
    np.testing.assert_allclose(last.alveolar, aim.alveolar, rtol=1e-6)
    np.testing.assert_allclose(last.means, aim.means, rtol=1e-6)


def test_periodic_state_does_not_depend_on_the_guess(newborn: History) -> None:
    one, other = (periodic_gas(newborn, guess=(p * MMHG, c * MMHG)) for p, c in ((30.0, 90.0), (600.0, 10.0)))
    np.testing.assert_allclose(one.alveolar, other.alveolar, rtol=1e-10)
    # Newton's method with the exact Jacobian converges quadratically.
    assert periodic_gas(newborn, guess=(1.1 * one.alveolar[0], 0.9 * one.alveolar[1])).iterations <= 5


def closed_loop(steps: int) -> tuple[float, float]:
    """Errors of the contents after three beats in a loop of a placenta and a tissue, against the matrix exponential."""
    gas = GasExchange(
        oxygen_consumption=6.0 * ML_PER_MIN,
        consumers={"body": 1.0},
        placentas=("placenta",),
        placental_oxygen=4000.0,
    )
    circulation = loop({"placenta": 5.0, "body": 8.0}, 600.0, gas)
    history = march(build(circulation), beats=3, steps=steps)
    first = uniform_state(split_beats(history)[0])
    beat = march_gas(split_beats(history), first)[-1]
    Q, Va, Vb = 600.0 * ML_PER_MIN, 5e-6, 8e-6
    # d/dt (ca, cb, 1) for a loop whose placenta gives blood a fixed content.
    fresh = beat.sites.placental
    errors = []
    for k, taken in enumerate((gas.oxygen_consumption, -gas.respiratory_quotient * gas.oxygen_consumption)):
        rate = np.array([[-Q / Va, 0.0, Q * fresh[k] / Va], [Q / Vb, -Q / Vb, -taken / Vb], [0.0, 0.0, 0.0]])
        exact = expm(1.5 * rate) @ [*(first.amounts[:, k] / first.volumes), 1.0]
        errors.append(float(np.abs(beat.contents[-1, :, k] / exact[:2] - 1.0).max()))
    return errors[0], errors[1]


def test_closed_loop_of_two_compartments() -> None:
    """The matrix exponential, met with second order; what the tissue takes is its demand to 1e-9 here."""
    errors = np.array([closed_loop(steps) for steps in (10, 20, 40)])
    orders = np.log2(errors[:-1] / errors[1:])
    assert orders == pytest.approx(2.0, abs=0.15)
    assert errors[-1].max() < 3e-5


def test_order_with_pulsatile_flow_that_turns_back() -> None:
    """Second order also where flows swing around zero, against the finest run."""
    gas = GasExchange(oxygen_consumption=4.0 * ML_PER_MIN, consumers={"body": 1.0}, placentas=("placenta",))
    share = np.linspace(0.0, 1.0, 400, endpoint=False)
    swing = 300.0 + 600.0 * np.sin(2.0 * np.pi * share)
    circulation = pumped(
        {"placenta": 6.0, "body": 9.0},
        {("placenta", "body"): swing, ("body", "placenta"): 300.0 + 0.0 * share},
        gas,
    )

    def content(steps: int) -> float:
        history = march(build(circulation), steps=steps)
        state = uniform_state(history)
        return float(next_gas_beat(history, state).contents[-1, 1, 0])

    values = [content(steps) for steps in (25, 50, 100, 1600)]
    errors = np.abs(np.array(values[:-1]) - values[-1])
    assert np.log2(errors[0] / errors[2]) / 2.0 > 1.7


def test_blood_that_swings_back_takes_its_oxygen_along() -> None:
    """Delivery is what comes less what goes back: with a swinging inflow too it is consumption and what leaves."""
    gas = GasExchange(oxygen_consumption=4.0 * ML_PER_MIN, consumers={"body": 1.0}, placentas=("placenta",))
    share = np.linspace(0.0, 1.0, 400, endpoint=False)
    circulation = pumped(
        {"placenta": 6.0, "body": 9.0},
        {
            ("placenta", "body"): 200.0 + 900.0 * np.sin(2.0 * np.pi * share),
            ("body", "placenta"): 200.0 + 0.0 * share,
        },
        gas,
    )
    beat = periodic_gas(march(build(circulation), steps=100))
    leaving = beat.carried("body_to_placenta")[0]
    assert beat.back[beat.passage.edges.index("placenta_to_body"), 0] > 0.5 * leaving
    assert beat.delivery[0] == pytest.approx(beat.consumption[0] + leaving, rel=1e-9)


def test_series_circulation_is_the_closed_form_of_lungs_with_a_shunt() -> None:
    """Constant flow through lungs and body: alveolar gas, arterial and venous blood of `lung_gas`."""
    beat = periodic_gas(one_beat(loop(VOLUMES, 600.0, SERIES)))
    exact = lung_gas(
        SERIES.alveolar_ventilation,
        600.0 * ML_PER_MIN,
        Blood(hemoglobin=160.0, fetal_fraction=0.75, base_excess=-2.0),
        consumption=SERIES.oxygen_consumption,
        production=0.8 * SERIES.oxygen_consumption,
        shunt=0.1,
    )
    assert beat.alveolar == pytest.approx([exact.alveolar.po2, exact.alveolar.pco2], rel=1e-6)
    for node, blood in (("arteries", exact.arterial), ("veins", exact.venous)):
        sample = beat.sample(node)
        assert sample.saturation == pytest.approx(blood.saturation, rel=1e-6)
        assert sample.po2 == pytest.approx(blood.po2, rel=1e-5)
        assert sample.pco2 == pytest.approx(blood.pco2, rel=1e-6)
        assert sample.ph == pytest.approx(blood.ph, rel=1e-7)


def pressure_of_content(oxygen: float, gas: GasExchange) -> float:
    """PO2 at which blood has a content of oxygen, at the placenta's PCO2."""
    blood = Blood(
        hemoglobin=gas.haemoglobin, fetal_fraction=gas.fetal_fraction, base_excess=gas.base_excess
    ).row()
    return float(
        brentq(lambda p: contents(p, gas.placental_carbon_dioxide, blood)[0] - oxygen, 1.0, 1e5, xtol=1e-9)
    )


@pytest.mark.parametrize(("ratio", "delivery"), [(0.432, 48.3), (0.5, 48.0), (1.0, 40.5), (2.0, 28.5)])
def test_delivery_of_a_parallel_circulation(ratio: float, delivery: float) -> None:
    """Barnea's single ventricle: 450 mL/min, pulmonary venous content of 22 mL/dL, consumption of 9 mL/min."""
    gas = GasExchange(
        haemoglobin=170.0, oxygen_consumption=9.0 * ML_PER_MIN, consumers={"body": 1.0}, placentas=("lungs",)
    )
    gas = replace(gas, placental_oxygen=pressure_of_content(0.22, gas))
    pulmonary = 450.0 * ratio / (1.0 + ratio)
    circulation = pumped(
        {"ventricle": 10.0, "lungs": 20.0, "body": 80.0},
        {
            ("ventricle", "lungs"): pulmonary,
            ("ventricle", "body"): 450.0 - pulmonary,
            ("lungs", "ventricle"): pulmonary,
            ("body", "ventricle"): 450.0 - pulmonary,
        },
        gas,
    )
    beat = periodic_gas(one_beat(circulation))
    assert float(beat.delivery[0]) / ML_PER_MIN == pytest.approx(delivery, abs=0.05)
    exact = parallel_circulation(
        450.0, ratio, pulmonary_venous_content=0.22, consumption=float(beat.consumption[0]) / ML_PER_MIN
    )
    assert float(beat.delivery[0]) / ML_PER_MIN == pytest.approx(exact.delivery, rel=1e-9)
    assert best_flow_ratio(450.0, pulmonary_venous_content=0.22, consumption=9.0) == pytest.approx(
        0.432, abs=5e-4
    )


def test_two_circulations_that_mix() -> None:
    """Transposition with constant flows: Ca = Cpv - VO2/Qp - VO2/m, m the flow that the atria exchange."""
    gas = GasExchange(oxygen_consumption=14.0 * ML_PER_MIN, consumers={"body": 1.0}, placentas=("lungs",))
    gas = replace(gas, placental_oxygen=pressure_of_content(0.22, gas))
    circulation = pumped(
        {"left": 6.0, "lungs": 30.0, "right": 8.0, "body": 90.0},
        {
            ("left", "lungs"): 700.0,
            ("lungs", "left"): 700.0,
            ("right", "body"): 500.0,
            ("body", "right"): 500.0,
            ("left", "right"): 200.0,
            ("right", "left"): 200.0,
        },
        gas,
    )
    beat = periodic_gas(one_beat(circulation))
    taken = float(beat.consumption[0]) / ML_PER_MIN
    assert taken == pytest.approx(14.0, rel=1e-3)
    assert beat.sample("right").oxygen == pytest.approx(0.22 - taken / 700.0 - taken / 200.0, rel=1e-9)


def test_tissue_that_extracts_too_much_goes_into_debt() -> None:
    """With a sixth of the output the body takes the critical share of what it is given, and lacks the rest."""
    gas = replace(SERIES, shunt_share=0.0)
    rich, poor = (periodic_gas(one_beat(loop(VOLUMES, flow, gas))) for flow in (600.0, 100.0))
    assert rich.lacking < 1e-6 * gas.oxygen_consumption
    assert poor.consumption[0] < 0.75 * gas.oxygen_consumption
    assert poor.consumption[0] == pytest.approx(CRITICAL_EXTRACTION * poor.delivery[0], rel=0.01)
    assert poor.lacking == pytest.approx(gas.oxygen_consumption - poor.uptake[0], rel=1e-9)


def test_junction_mixes_at_once() -> None:
    """Two streams of different content: what leaves the junction has their mean, weighted by flow."""
    gas = replace(SERIES, lungs=("lungs",))
    circulation = pumped(
        {"lungs": 30.0, "arteries": 40.0, "body": 60.0, "joint": 0.0, "mixed": 20.0},
        {
            ("lungs", "arteries"): 600.0,
            ("arteries", "body"): 400.0,
            ("arteries", "joint"): 200.0,
            ("body", "joint"): 400.0,
            ("joint", "mixed"): np.nan,
            ("mixed", "lungs"): 600.0,
        },
        gas,
    )
    beat = periodic_gas(march(build(circulation), beats=1, steps=40))
    content = {name: beat.means[i] for i, name in enumerate(beat.passage.nodes)}
    expected = (400.0 * content["body"] + 200.0 * content["arteries"]) / 600.0
    np.testing.assert_allclose(content["joint"], expected, rtol=1e-9)
    np.testing.assert_allclose(content["mixed"], expected, rtol=1e-9)


def test_blood_from_outside_brings_its_gas() -> None:
    gas = GasExchange(oxygen_consumption=0.0, placentas=("other",))
    circulation = pumped(
        {"vessel": 5.0, "other": 5.0, "last": 5.0},
        {
            (OUTSIDE, "vessel"): 300.0,
            ("vessel", "other"): 300.0,
            ("other", "last"): 300.0,
            ("last", OUTSIDE): 300.0,
        },
        gas,
    )
    history = one_beat(circulation)
    entering = (50.0 * MMHG, 45.0 * MMHG)
    beat = periodic_gas(history, entering=entering)
    assert beat.sample("vessel").po2 == pytest.approx(entering[0], rel=1e-8)
    assert beat.sample("vessel").pco2 == pytest.approx(entering[1], rel=1e-8)
    assert beat.sample("last").po2 == pytest.approx(gas.placental_oxygen, rel=1e-8)
    flow = 300.0 * ML_PER_MIN
    np.testing.assert_allclose(beat.transfer, flow * (beat.sites.placental - beat.means[0]), rtol=1e-9)


def test_apnoea_uses_up_the_oxygen_of_lungs_and_blood() -> None:
    """Without ventilation the stores fall by what the body takes, less what is drawn in; CO2 builds up in the lungs."""
    breathing = one_beat(loop(VOLUMES, 600.0, SERIES))
    held = one_beat(loop(VOLUMES, 600.0, replace(SERIES, alveolar_ventilation=0.0)))
    beats = march_gas([held] * 60, periodic_gas(breathing).start)
    saturations = [beat.sample("arteries").saturation for beat in beats]
    assert saturations[-1] < 0.88 < 0.95 < saturations[0]
    assert np.all(np.diff([beat.alveolar[0] for beat in beats]) < 0.0)
    assert np.all(np.diff([beat.alveolar[1] for beat in beats]) > 0.0)
    with pytest.raises(CaseError, match="not ventilated"):
        periodic_gas(held)


def test_surgery_takes_the_gas_along() -> None:
    """Blood that moves to another compartment, a new one too, takes its gas with it; none is made or lost."""
    history = one_beat(loop(VOLUMES, 600.0, SERIES))
    state = periodic_gas(history).start
    other = one_beat(loop({"lungs": 30.0, "arteries": 50.0, "body": 80.0, "graft": 90.0}, 600.0, SERIES))
    passage = periodic_gas(other).passage
    moved = settled(state, passage)
    np.testing.assert_allclose(moved.amounts.sum(axis=0), state.amounts.sum(axis=0), rtol=1e-14)
    lungs = state.amounts[0] / state.volumes[0]
    np.testing.assert_allclose(moved.amounts[0] / moved.volumes[0], lungs, rtol=1e-14)
    veins = state.amounts[3] / state.volumes[3]
    np.testing.assert_allclose(moved.amounts[3] / moved.volumes[3], veins, rtol=1e-14)
    same = settled(state, periodic_gas(history).passage)
    np.testing.assert_array_equal(same.amounts, state.amounts)


def test_refusals() -> None:
    with pytest.raises(CaseError, match="nothing is known of the oxygen"):
        periodic_gas(one_beat(loop(VOLUMES, 600.0, None)))
    with pytest.raises(CaseError, match="nothing brings oxygen"):
        periodic_gas(one_beat(loop(VOLUMES, 600.0, replace(SERIES, lungs=()))))
    with pytest.raises(DivergenceError, match="no steady state"):
        periodic_gas(one_beat(loop(VOLUMES, 600.0, replace(SERIES, shunt_share=1.0))))
    emptied = pumped(
        {"lungs": 5.0, "body": 20.0}, {("lungs", "body"): 1200.0, ("body", "lungs"): 300.0}, SERIES
    )
    with pytest.raises(CaseError, match="lungs] a compartment runs empty"):
        periodic_gas(one_beat(emptied))


def test_state_is_data() -> None:
    state = GasState(nodes=("a",), volumes=np.ones(1), amounts=np.ones((1, 2)), alveolar=np.ones(2))
    with pytest.raises(AttributeError):
        state.nodes = ("b",)  # type: ignore[misc]
