"""The beat that repeats itself, its derivatives, and many of them at once."""

import numpy as np
import pytest

from hemoplan.errors import BoundaryError
from lumped.engine.build import build
from lumped.engine.ensemble import run_ensemble
from lumped.engine.marching import march
from lumped.engine.measures import Measure
from lumped.engine.periodic import periodic
from lumped.engine.sensitivity import BLOOD, PERIOD, sensitivity

from .circuits import ML, everything, neonate, smooth_loop, vessel, windkessel_behind_a_port

MEASURES = (
    Measure(quantity="pressure", of="ITHA", statistic="largest"),
    Measure(quantity="flow", of="duct"),
    Measure(quantity="volume", of="LV", statistic="range"),
    Measure(quantity="pressure", of="ITHA", minus="PA"),
)


@pytest.mark.parametrize("duct", [False, True])
def test_shooting_finds_in_eight_beats_what_marching_needs_fifty_for(peer_cases, duct):
    model = build(neonate(peer_cases, duct=duct))
    found = periodic(model)
    assert found.residual <= 1e-8
    assert found.work <= 8.0
    long = march(model, beats=400)
    last = long.pressures[-201:]
    assert found.history.pressures == pytest.approx(last, abs=1e-3 * np.ptp(last))
    fifty = march(model, beats=50).unknowns[[-201, -1]]
    assert np.abs(fifty[1] - fifty[0]).max() > 1e-9 * ML  # waiting is not there yet


def test_a_circuit_of_every_kind_has_a_periodic_beat():
    found = periodic(build(everything()), steps=400)
    assert found.residual <= 1e-8
    again = march(found.history.model, start=found.history.unknowns[-1], steps=400)
    assert again.pressures == pytest.approx(found.history.pressures, rel=1e-6, abs=0.1)


def test_the_blood_of_a_closed_loop_stays(peer_cases):
    model = build(neonate(peer_cases))
    history = periodic(model).history
    assert model.total_volume(history.unknowns[0]) == pytest.approx(
        model.total_volume(model.start), rel=1e-12
    )


def test_a_circulation_that_fills_for_ever_is_refused():
    circuit = windkessel_behind_a_port()
    model = build(circuit)
    sealed = build(
        type(circuit)(
            name="sealed",
            period=0.5,
            compartments=(circuit.compartments[0], vessel("capacitor", 0.1)),
            connections=circuit.connections[:1],
            ports=circuit.ports,
        )
    )
    flow = np.full(201, 1e-6)
    assert periodic(model, inputs={"descending_aorta": flow}).residual <= 1e-8
    with pytest.raises(BoundaryError, match="does not repeat itself.*blood can leave"):
        periodic(sealed, inputs={"descending_aorta": flow})


PARAMETERS = (
    ("duct", "resistance"),
    ("LV", "systolic_elastance"),
    ("ITHA", "compliance"),
    ("pleura", "pressure"),
    ("ventricles", "duration"),
    ("ETHV", "unstressed_volume"),
    PERIOD,
    BLOOD,
)


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda each: ".".join(each))
def test_derivatives_equal_differences_of_periodic_beats(peer_cases, parameter):
    model = build(neonate(peer_cases, duct=True))
    found = periodic(model, tolerance=1e-12)
    exact = sensitivity(found.history, PARAMETERS)
    column = PARAMETERS.index(parameter)

    def at(share):
        start = found.history.unknowns[0].copy()
        moved, step = model, 0.0
        if parameter == PERIOD:
            step = share * model.period
            moved = model.with_period(model.period + step)
        elif parameter == BLOOD:
            step = share * 300.0 * ML
            start[model.state("ETHV")] += step
        else:
            block, name = parameter
            value = (
                model.parameters[model.given[block]]
                if block in model.given
                else model.blocks[block].values[name]
            )
            step = share * value
            moved = model.with_values({parameter: value + step})
        history = periodic(moved, start=start, tolerance=1e-12).history
        return np.array([measure.value(history) for measure in MEASURES]), step

    (plus, h), (minus, _) = at(1e-4), at(-1e-4)
    (plus2, _), (minus2, _) = at(2e-4), at(-2e-4)
    difference = (8.0 * (plus - minus) - (plus2 - minus2)) / (12.0 * h)
    assert np.array([exact.of(measure)[column] for measure in MEASURES]) == pytest.approx(
        difference, rel=1e-6
    )


def test_derivative_of_a_circuit_with_every_coupling():
    model = build(everything())
    found = periodic(model, tolerance=1e-12)
    parameter = ("pericardium", "elastance")
    exact = sensitivity(found.history, [parameter]).of(Measure(quantity="pressure", of="SV"))[0]
    value = model.blocks["pericardium"].values["elastance"]
    one, other, two, opposite = (
        Measure(quantity="pressure", of="SV").value(
            periodic(model.with_values({parameter: value * (1.0 + share)}), tolerance=1e-12).history
        )
        for share in (1e-3, -1e-3, 2e-3, -2e-3)
    )
    difference = (8.0 * (one - other) - (two - opposite)) / (12e-3 * value)
    assert exact == pytest.approx(difference, rel=1e-6)


def test_an_ensemble_is_its_members_and_keeps_the_failed_ones(peer_cases):
    model = build(neonate(peer_cases, duct=True))
    sets = [{("duct", "resistance"): share * 6.7e7} for share in (0.5, 1.0, 2.0)]
    sets.append({("LV", "systolic_elastance"): float("nan")})
    ensemble = run_ensemble(model, sets, MEASURES)
    for values, changes in zip(ensemble.values[:3], sets, strict=False):
        history = periodic(model.with_values(changes)).history
        assert values == pytest.approx([measure.value(history) for measure in MEASURES], rel=1e-6)
    assert (np.diff(ensemble.values[:3, 1]) < 0.0).all()  # the more it resists, the less it shunts
    assert list(ensemble.failures) == [3]
    assert np.isnan(ensemble.values[3]).all()


def test_a_smooth_loop_needs_no_more_than_its_tolerance():
    found = periodic(build(smooth_loop()), steps=100)
    assert found.residual <= 1e-8
    assert found.work <= 8.0


def test_many_beats_in_one_march_stay_on_the_periodic_one():
    """The same moment of every beat, however late: an activation that jumps at the start of the beat would tell."""
    circuit = everything()
    model = build(circuit)
    start = periodic(model, steps=100).history.unknowns[0]
    history = march(model, beats=300, steps=100, start=start)
    assert history.unknowns[-1] == pytest.approx(history.unknowns[-101], rel=1e-9, abs=1e-15)
