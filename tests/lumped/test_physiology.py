"""Circulation, reflexes, gas and ventilator together, against closed forms and what was measured."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from hemoplan.errors import CaseError, DivergenceError
from hemoplan.units import ML_PER_MIN, MMHG
from lumped.circulation.file import load_anatomy
from lumped.circulation.graph import Circulation, Connection, GasExchange, Regulation
from lumped.gas.blood import contents
from lumped.gas.delivery import parallel_circulation
from lumped.lungs.mechanics import CMH2O
from lumped.lungs.modes import ContinuousPressure, HighFrequencyOscillation, PressureControl
from lumped.lungs.newborn import term_newborn
from lumped.lungs.vascular_resistance import volume_factor
from lumped.physiology import Event, Physiology, Ventilation, evolve, steady
from lumped.physiology.fixed_point import fixed_point

VEINS = ("upper_veins", "lower_veins")
ARTERIES = (
    "right_subclavian_artery",
    "left_subclavian_artery",
    "splanchnic_arteries",
    "renal_arteries",
    "iliac_arteries",
)
NEWBORN = replace(load_anatomy("term_newborn"), regulations=())
LUNGS = term_newborn(3.5)


@pytest.fixture(scope="module")
def rest() -> Physiology:
    return steady(NEWBORN)


@pytest.fixture(scope="module")
def alive(rest: Physiology) -> Circulation:
    """The newborn with every kind of regulation, at rest where it is."""
    drop = rest["pressure.innominate_artery.mean"] - rest["pressure.brain.mean"]
    reflex = Regulation(
        name="reflex",
        kind="baroreflex",
        senses="ascending_aorta",
        acts_on=("heart", *ARTERIES, *VEINS, "left_ventricle", "right_ventricle"),
        parameters={"set_pressure": rest["pressure.ascending_aorta.mean"]},
    )
    cerebral = Regulation(
        name="cerebral",
        kind="cerebral_autoregulation",
        senses="right_carotid_artery",
        acts_on=("right_carotid_artery", "left_carotid_artery"),
        parameters={"normal_pressure": drop, "lower_limit": 30.0 * MMHG, "upper_limit": 75.0 * MMHG},
    )
    pulmonary = Regulation(
        name="pulmonary",
        kind="pulmonary_tone",
        acts_on=("left_pulmonary_arterioles", "right_pulmonary_arterioles"),
    )
    return replace(NEWBORN, regulations=(reflex, cerebral, pulmonary))


def bled(circulation: Circulation, share: float) -> Circulation:
    """With a share of all blood taken from the large veins."""
    lost = share * sum(each.volume for each in circulation.compartments)
    held = sum(circulation.compartment(name).volume for name in VEINS)
    return replace(
        circulation,
        compartments=tuple(
            replace(each, volume=each.volume * (1.0 - lost / held)) if each.name in VEINS else each
            for each in circulation.compartments
        ),
    )


def cpap(pressure: float) -> Ventilation:
    """The newborn's own breathing from an airway pressure [cmH2O]."""
    mode = ContinuousPressure(
        rate=LUNGS.breathing.rate,
        inspiratory_time=LUNGS.breathing.inspiratory_time,
        muscle_pressure=LUNGS.breathing.muscle_pressure,
        end_expiratory_pressure=pressure * CMH2O,
    )
    return Ventilation(mode=mode, system=LUNGS.respiratory_system)


def test_balances_of_the_outputs(rest: Physiology) -> None:
    """In series both ventricles and both circulations carry the same; Fick agrees with flow; Ohm's law holds."""
    flow = rest["output.left_ventricle"]
    for name in ("output.right_ventricle", "systemic_flow", "pulmonary_flow"):
        assert rest[name] == pytest.approx(flow, rel=1e-6)
    assert rest["flow.mitral_valve"] == pytest.approx(flow, rel=1e-6)
    assert rest["qp_over_qs.fick"] == pytest.approx(rest["qp_over_qs"], rel=0.03)
    drop = rest["pressure.ascending_aorta.mean"] - rest["pressure.right_atrium.mean"]
    assert rest["resistance.systemic"] * rest["systemic_flow"] == pytest.approx(drop, rel=1e-9)
    organs = (
        sum(rest[name] for name in rest.outputs if name.startswith("oxygen_delivery."))
        - rest["oxygen_delivery.cerebral"]
    )
    assert organs == pytest.approx(rest["oxygen_delivery"], rel=1e-12)
    ejected = rest["stroke_volume.left_ventricle"] / rest["volume.left_ventricle.end_diastolic"]
    assert rest["ejection_fraction.left_ventricle"] == pytest.approx(ejected, rel=1e-12)
    assert rest.shown("heart_rate") == pytest.approx(130.0, abs=0.1)
    assert rest["saturation.mixed_venous"] == pytest.approx(rest["saturation.right_ventricle"], rel=2e-3)
    curve = rest.beat.history.pressure("aortic_arch")
    assert rest["pressure.aortic_arch.systolic"] == curve.max()
    assert rest["pressure.aortic_arch.diastolic"] == curve.min()
    assert curve.min() < rest["pressure.aortic_arch.mean"] < curve.max()
    least = rest["pressure.ascending_aorta.diastolic"]
    assert rest["coronary_perfusion_pressure"] == least - rest["pressure.right_atrium.mean"]
    assert 0.0 < rest.shown("saturation.mixed_venous") < rest.shown("saturation.preductal") < 100.0
    assert rest["lactate_risk"] == 0.0


def test_steady_state_repeats_itself_in_time(alive: Circulation) -> None:
    """What `steady` finds is a state that `evolve`, which shares no search with it, does not leave."""
    course = evolve(alive, 10.0)
    for name in (
        "pressure.ascending_aorta.mean",
        "output.left_ventricle",
        "saturation.mixed_venous",
        "pco2.right_atrium",
        "factor.reflex.resistance",
        "factor.pulmonary.resistance",
        "heart_rate",
    ):
        assert course[name] == pytest.approx(course[name][0], rel=1e-5), name


def test_factors_are_what_the_beat_calls_for(alive: Circulation) -> None:
    """A newborn without regulations, whose parameters are multiplied by the factors that were found, is the same."""
    found = steady(bled(alive, 0.1))
    assert found.residual <= 1e-7
    assert found.beats < 20
    frozen = bled(NEWBORN, 0.1)
    factors = {each: found.factors[each] for each in found.factors}
    changed = dict.fromkeys(ARTERIES, factors["reflex.resistance"])
    changed |= dict.fromkeys(("right_carotid_artery", "left_carotid_artery"), factors["cerebral.resistance"])
    changed |= dict.fromkeys(
        ("left_pulmonary_arterioles", "right_pulmonary_arterioles"), factors["pulmonary.resistance"]
    )
    for name, factor in changed.items():
        frozen = frozen.changed(name, "resistance", factor * frozen.connection(name).parameters["resistance"])
    for name in VEINS:
        volume = frozen.compartment(name).parameters["unstressed_volume"]
        frozen = frozen.changed(name, "unstressed_volume", factors["reflex.volume"] * volume)
    for name in ("left_ventricle", "right_ventricle"):
        elastance = frozen.compartment(name).parameters["systolic_elastance"]
        frozen = frozen.changed(name, "systolic_elastance", factors["reflex.contractility"] * elastance)
    frozen = replace(frozen, period=frozen.period * factors["reflex.period"])
    same = steady(frozen)
    for name in ("pressure.ascending_aorta.mean", "output.left_ventricle", "saturation.mixed_venous"):
        assert same[name] == pytest.approx(found[name], rel=1e-6)


def test_reflexes_defend_pressure_and_brain_after_blood_loss(alive: Circulation) -> None:
    """15 % of the blood lost: heart rate and resistance rise, pressure falls half as far, the brain keeps its flow."""
    before, without, after = steady(alive), steady(bled(NEWBORN, 0.15)), steady(bled(alive, 0.15))
    fall = [
        before["pressure.ascending_aorta.mean"] - each["pressure.ascending_aorta.mean"]
        for each in (without, after)
    ]
    assert 0.3 < fall[1] / fall[0] < 0.7
    assert after.shown("heart_rate") > before.shown("heart_rate") + 10.0
    assert after.factors["reflex.resistance"] > 1.1
    assert after.factors["reflex.volume"] < 0.99
    brain = [
        each["oxygen_delivery.cerebral"] / before["oxygen_delivery.cerebral"] for each in (without, after)
    ]
    whole = after["oxygen_delivery"] / before["oxygen_delivery"]
    assert brain[0] < 0.75
    assert brain[1] > 0.95 > 0.85 > whole


def test_output_falls_with_airway_pressure(alive: Circulation) -> None:
    """Venous return meets a higher pressure in the chest, and the vessels of the inflated lung resist (Reller 1985)."""
    found = [steady(alive, cpap(pressure)) for pressure in (0.0, 4.0, 8.0, 12.0)]

    def course(name: str) -> list[float]:
        return [each[name] for each in found]

    assert np.all(np.diff(course("output.left_ventricle")) < 0.0)
    assert np.all(np.diff(course("pressure.right_atrium.mean")) > 0.0)
    assert np.all(np.diff(course("ventilation.mean_pleural_pressure")) > 0.0)
    assert np.all(np.diff(course("factor.pulmonary.resistance")) > 0.0)
    assert np.all(np.diff(course("heart_rate")) > 0.0)
    inflation = [each["ventilation.mean_lung_volume"] / 73.5e-6 for each in found]  # 21 mL/kg
    swelling = volume_factor(inflation[3], 1.0) / volume_factor(inflation[0], 1.0)
    factors = course("factor.pulmonary.resistance")
    assert factors[3] / factors[0] == pytest.approx(swelling, rel=0.02)
    assert swelling > 1.1
    loss = 1.0 - found[2]["output.left_ventricle"] / found[0]["output.left_ventricle"]
    assert 0.02 < loss < 0.2


def test_pressure_in_the_chest_takes_a_sixth_of_the_output() -> None:
    """Lambs: 6 mmHg of CPAP raise central venous pressure by 4 mmHg and lower output by 16 %.

    Furzan, Gabriele, Wheeler, Fixler & Rosenfeld, Pediatr. Res., regional blood flows in newborn lambs. Their chests
    pass on two thirds; a newborn's soft chest less, so that pleural pressure is what is compared.
    """
    higher = replace(
        NEWBORN,
        surroundings=tuple(
            replace(each, pressure=each.pressure + 4.0 * MMHG) for each in NEWBORN.surroundings
        ),
    )
    before, after = steady(NEWBORN), steady(higher)
    loss = 1.0 - after["output.left_ventricle"] / before["output.left_ventricle"]
    assert loss == pytest.approx(0.16, abs=0.06)


def test_hypoxia_constricts_the_lungs(alive: Circulation) -> None:
    """Pulmonary pressure and resistance rise as inspired oxygen falls; the brain keeps its flow."""
    found = [
        steady(replace(alive, gas=replace(_gas(alive), inspired_oxygen=x))) for x in (0.4, 0.21, 0.15, 0.12)
    ]
    for name, sign in (
        ("resistance.pulmonary", 1.0),
        ("pressure.main_pulmonary_artery.mean", 1.0),
        ("saturation.preductal", -1.0),
        ("alveolar.po2", -1.0),
    ):
        assert np.all(sign * np.diff([each[name] for each in found]) > 0.0), name
    assert found[-1]["resistance.pulmonary"] / found[1]["resistance.pulmonary"] > 1.2
    assert found[-1]["flow.left_carotid_artery"] == pytest.approx(
        found[1]["flow.left_carotid_artery"], rel=0.02
    )


def test_brain_keeps_its_flow_between_the_limits(alive: Circulation) -> None:
    """Mean pressure is moved by the resistance of the body; the brain's flow varies a fifth of what it would."""
    cerebral = replace(alive, regulations=alive.regulations[1:2])

    def flow(circulation: Circulation, factor: float) -> float:
        for name in ARTERIES:
            resistance = circulation.connection(name).parameters["resistance"]
            circulation = circulation.changed(name, "resistance", factor * resistance)
        return steady(circulation)["flow.right_carotid_artery"]

    passive, active = ([flow(each, factor) for factor in (0.75, 1.25)] for each in (NEWBORN, cerebral))
    assert np.log(active[1] / active[0]) < 0.2 * np.log(passive[1] / passive[0])


def test_ventilator_sets_gas(alive: Circulation) -> None:
    """Pressure control at a higher rate washes out CO2; FiO2 raises oxygen; oscillation keeps the own ventilation."""

    def control(rate: float, fio2: float = 0.21) -> Physiology:
        mode = PressureControl(
            rate=rate / 60.0,
            inspiratory_time=0.35,
            end_expiratory_pressure=5.0 * CMH2O,
            peak_pressure=14.0 * CMH2O,
            fio2=fio2,
        )
        return steady(alive, Ventilation(mode=mode, system=LUNGS.respiratory_system))

    slow, fast, rich = control(30.0), control(60.0), control(30.0, 0.4)
    breath = fast["ventilation.tidal_volume"] - LUNGS.respiratory_system.dead_space  # and one a second
    assert fast["alveolar.pco2"] < slow["alveolar.pco2"]
    assert rich["saturation.preductal"] > slow["saturation.preductal"]
    production = _gas(alive).respiratory_quotient * fast["oxygen_consumption"]
    assert fast["alveolar.pco2"] == pytest.approx(863.0 * MMHG * production / (1.0 * breath), rel=1e-3)
    oscillation = HighFrequencyOscillation(frequency=10.0, mean_pressure=12.0 * CMH2O, amplitude=25.0 * CMH2O)
    shaken = steady(alive, Ventilation(mode=oscillation, system=LUNGS.respiratory_system))
    assert shaken["alveolar.pco2"] == pytest.approx(steady(alive)["alveolar.pco2"], rel=1e-4)
    assert shaken["output.left_ventricle"] < steady(alive)["output.left_ventricle"]
    idle = PressureControl(
        rate=0.5, inspiratory_time=0.35, end_expiratory_pressure=5.0 * CMH2O, peak_pressure=6.0 * CMH2O
    )
    with pytest.raises(CaseError, match="not ventilated"):
        steady(alive, Ventilation(mode=idle, system=LUNGS.respiratory_system))


def _gas(circulation: Circulation) -> GasExchange:
    assert circulation.gas is not None
    return circulation.gas


def rewired(
    removed: Sequence[str], links: Sequence[Connection], gas: GasExchange, *, without: Sequence[str] = ()
) -> Circulation:
    """The CC0 newborn with other connections."""
    base = load_anatomy("cc0_neonate")
    kept = tuple(each for each in base.connections if each.name not in removed)
    compartments = tuple(each for each in base.compartments if each.name not in without)
    return replace(base, connections=(*kept, *links), compartments=compartments, gas=gas)


@pytest.mark.parametrize("diameter", [3.0, 3.5, 4.0, 5.0])
def test_delivery_of_a_beating_single_ventricle(diameter: float) -> None:
    """One ventricle feeds body and, through a shunt, lungs: Barnea's closed form at its flows and contents."""
    base = load_anatomy("cc0_neonate")
    shunt = Connection(
        name="shunt",
        kind="conduit",
        source="intrathoracic_arteries",
        target="pulmonary_arteries",
        parameters={"diameter": 1e-3 * diameter, "length": 0.02},
    )
    home = replace(base.connection("venous_return"), target="left_atrium")
    gas = GasExchange(
        oxygen_consumption=12.0 * ML_PER_MIN,
        consumers={"extrathoracic_veins": 1.0},
        lungs=("pulmonary_veins",),
    )
    circulation = rewired(
        ("venous_return", "tricuspid_valve", "pulmonary_valve"),
        (shunt, home),
        gas,
        without=("right_atrium", "right_ventricle"),
    )
    found = steady(circulation)
    beat = found.gas
    assert beat is not None
    returned = beat.carried("shunt")[0] + beat.uptake[0]
    exact = parallel_circulation(
        found["output.left_ventricle"],
        found["qp_over_qs"],
        pulmonary_venous_content=returned / found["pulmonary_flow"],
        consumption=found["oxygen_consumption"],
    )
    assert found["oxygen_delivery"] == pytest.approx(exact.delivery, rel=5e-3)
    # Qp/Qs by Fick is that by flow.
    assert found["qp_over_qs.fick"] == pytest.approx(found["qp_over_qs"], rel=0.03)


def transposition(diameter: float) -> Physiology:
    """The CC0 newborn with its great arteries swapped, and a hole between the atria [mm]."""
    base = load_anatomy("cc0_neonate")
    hole = Connection(
        name="foramen",
        kind="hole",
        source="left_atrium",
        target="right_atrium",
        parameters={"diameter": 1e-3 * diameter},
    )
    swapped = (
        replace(base.connection("aortic_valve"), source="right_ventricle"),
        replace(base.connection("pulmonary_valve"), source="left_ventricle"),
        hole,
    )
    gas = GasExchange(
        oxygen_consumption=14.0 * ML_PER_MIN,
        consumers={"extrathoracic_veins": 1.0},
        lungs=("pulmonary_veins",),
        shunt_share=0.0,
    )
    return steady(rewired(("aortic_valve", "pulmonary_valve"), swapped, gas))


def test_saturation_of_a_transposition_is_limited_by_mixing() -> None:
    """Two circulations that exchange a flow m: at most Ca = Cpv - VO2/Qp - VO2/m, as if the atria were always mixed.

    Some of the blood that goes through the hole comes back in the same beat, so that the content stays below that.
    """
    saturations = []
    for diameter in (5.0, 6.0, 7.0):
        found = transposition(diameter)
        beat = found.gas
        assert beat is not None
        moved = beat.passage.moved[:, beat.passage.edges.index("foramen")]
        there = float(np.maximum(moved, 0.0).sum() / beat.passage.duration)
        assert there == pytest.approx(-float(np.minimum(moved, 0.0).sum() / beat.passage.duration), rel=1e-6)
        end_capillary = contents(float(beat.alveolar[0]), float(beat.alveolar[1]), beat.sites.blood)[0]
        taken = found["oxygen_consumption"]
        mixed = end_capillary - taken / found["pulmonary_flow"] - taken / there
        arterial = beat.sample("intrathoracic_arteries")
        assert 0.85 * mixed < arterial.oxygen < mixed
        assert taken == pytest.approx(beat.carried("foramen")[0], rel=1e-9)
        saturations.append(arterial.saturation)
    assert 0.2 < saturations[0] < saturations[1] < saturations[2] < 0.5


def test_direction_of_a_connection_does_not_matter() -> None:
    """Resistors that are drawn the other way round carry negative flows; all else is the same."""
    base = load_anatomy("cc0_neonate")
    gas = GasExchange(
        oxygen_consumption=15.0 * ML_PER_MIN,
        consumers={"extrathoracic_veins": 1.0},
        lungs=("pulmonary_veins",),
    )
    names = ("systemic_periphery", "pulmonary_periphery", "systemic_veins")
    turned = tuple(
        replace(each, source=each.target, target=each.source)
        for each in base.connections
        if each.name in names
    )
    one, other = steady(replace(base, gas=gas)), steady(rewired(names, turned, gas))
    assert set(one.outputs) == set(other.outputs)
    for name in one.outputs:
        sign = -1.0 if name.removeprefix("flow.") in names else 1.0
        assert other[name] == pytest.approx(sign * one[name], rel=1e-6, abs=1e-15), name


def test_more_inspired_oxygen_takes_breaths_to_arrive() -> None:
    """After a change of FiO2 the blood follows the alveoli, and the alveoli their ventilation."""

    def control(fio2: float) -> Ventilation:
        mode = PressureControl(
            rate=0.7,
            inspiratory_time=0.4,
            end_expiratory_pressure=5.0 * CMH2O,
            peak_pressure=14.0 * CMH2O,
            fio2=fio2,
        )
        return Ventilation(mode=mode, system=LUNGS.respiratory_system)

    change = Event(time=2.0, ventilation=control(0.4))
    course = evolve(NEWBORN, 62.0, [change], ventilation=control(0.21), steps=100)
    aim = steady(NEWBORN, control(0.4))["saturation.preductal"]
    saturation = course["saturation.preductal"]
    gone = (saturation - saturation[0]) / (aim - saturation[0])
    assert np.abs(gone[course.times < 2.0]).max() < 1e-3
    assert np.all(np.diff(gone[course.times > 2.5]) > -1e-6)
    assert gone[np.searchsorted(course.times, 4.0)] < 0.5
    assert gone[-1] == pytest.approx(1.0, abs=0.04)


def test_ligating_a_duct_over_time() -> None:
    """The shunt stops; after a minute all is as in a newborn that never had the duct."""
    duct = Connection(
        name="duct",
        kind="conduit",
        source="descending_aorta",
        target="main_pulmonary_artery",
        parameters={"diameter": 3e-3, "length": 0.01},
    )
    open_duct = replace(NEWBORN, connections=(*NEWBORN.connections, duct))
    course = evolve(open_duct, 60.0, [Event(time=5.0, operation="ligate duct")])
    before, after = course.times < 5.0, course.times > 5.5
    assert np.all(course.shown("flow.duct")[before] > 200.0)
    assert np.all(np.isnan(course["flow.duct"][after]))
    assert course["qp_over_qs"][0] > 1.3
    assert course["qp_over_qs"][-1] == pytest.approx(1.0, abs=1e-4)
    closed = steady(NEWBORN)
    for name in ("pressure.ascending_aorta.mean", "output.left_ventricle", "saturation.preductal"):
        assert course[name][-1] == pytest.approx(closed[name], rel=2e-3), name
    volume = np.sum([each.volume for each in NEWBORN.compartments])
    held = course.history.model.total_volume(course.history.unknowns[-1])
    assert held == pytest.approx(volume, rel=1e-9)


def test_bleeding_over_time_shows_the_lags_of_the_reflex(alive: Circulation) -> None:
    """10 % of the blood lost at once: the heart is quicker within seconds, veins empty themselves within a minute."""
    lost = 0.1 * sum(each.volume for each in alive.compartments)
    course = evolve(alive, 45.0, [Event(time=3.0, blood=-lost)], steps=100)
    start = course.history.model.total_volume(course.history.unknowns[0])
    assert start == pytest.approx(0.9 * sum(each.volume for each in alive.compartments), rel=1e-9)

    def share_after(name: str, seconds: float) -> float:
        values = np.log(course[name])
        k = int(np.searchsorted(course.times, 3.0 + seconds))
        return float((values[k] - values[0]) / (values[-1] - values[0]))

    assert share_after("factor.reflex.period", 6.0) > 0.85
    assert share_after("factor.reflex.volume", 6.0) < 0.5
    assert course["pressure.ascending_aorta.mean"].min() < course["pressure.ascending_aorta.mean"][-1]
    assert course.shown("heart_rate")[-1] > course.shown("heart_rate")[0] + 5.0


def test_driven_breathing_swings_the_pressures() -> None:
    """Right atrial pressure follows the breath, by less than the pleura, around that of the steady state."""
    driven = replace(NEWBORN, surroundings=tuple(replace(each, driven=True) for each in NEWBORN.surroundings))
    course = evolve(driven, 12.0, ventilation=cpap(5.0))
    late = course.times > 3.0
    atrium = course["pressure.right_atrium.mean"][late]
    still = steady(driven, cpap(5.0))
    assert still.breath is not None
    swing = float(np.ptp(still.breath.pleural_pressure))
    assert 0.15 * swing < np.ptp(atrium) < swing
    assert atrium.mean() == pytest.approx(still["pressure.right_atrium.mean"], abs=0.15 * MMHG)


def test_refusals(rest: Physiology) -> None:
    with pytest.raises(CaseError, match="did you mean 'heart_rate'"):
        rest["hart_rate"]
    with pytest.raises(CaseError, match="no output 'nothing'"):
        rest.shown("nothing")
    with pytest.raises(CaseError, match="time of an event"):
        evolve(NEWBORN, 1.0, [Event(time=2.0)])
    with pytest.raises(CaseError, match="more blood is taken than there is"):
        evolve(NEWBORN, 1.0, [Event(time=0.5, blood=-3e-4)])


def test_regulations_that_do_not_settle_are_named(alive: Circulation) -> None:
    with pytest.raises(DivergenceError, match=r"\w+\.\w+\] the regulations of the circulation do not settle"):
        steady(bled(alive, 0.1), most_beats=2)


def test_fixed_point_of_linear_maps() -> None:
    """Anderson's acceleration solves a linear map of k unknowns in k + 2 evaluations, an expanding one too."""
    A = np.array([[0.5, -0.2, 0.1], [0.3, -1.6, 0.0], [0.0, 0.4, 0.7]])
    b = np.array([0.1, -0.05, 0.02])
    x, residual, count = fixed_point(lambda x: A @ x + b, np.zeros(3), tolerance=1e-12, iterations=20)
    np.testing.assert_allclose(x, np.linalg.solve(np.eye(3) - A, b), rtol=1e-9)
    assert residual <= 1e-12
    assert count <= 6
    _, residual, count = fixed_point(lambda x: x + 1.0, np.zeros(1), tolerance=1e-6, iterations=15)
    assert (residual, count) == (1.0, 15)
    assert fixed_point(lambda x: x, np.zeros(0), tolerance=1e-6, iterations=15)[1:] == (0.0, 1)
