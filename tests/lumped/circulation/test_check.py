from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hemoplan.errors import BoundaryError
from hemoplan.waveform import Waveform
from lumped.circulation.check import check_circulation
from lumped.circulation.graph import Activation, Circulation, Compartment, Connection, Port, Surrounding


def message(circulation: Circulation) -> str:
    with pytest.raises(BoundaryError) as caught:
        check_circulation(circulation)
    return str(caught.value)


def with_part(circulation: Circulation, group: str, part: Any) -> Circulation:
    """With one part more, or in the place of the one of its name."""
    parts = [each for each in getattr(circulation, group) if each.name != part.name]
    changes: dict[str, Any] = {group: (*parts, part)}
    return replace(circulation, **changes)


def changed(circulation: Circulation, group: str, name: str, **values: Any) -> Circulation:
    part = next(each for each in getattr(circulation, group) if each.name == name)
    return with_part(circulation, group, replace(part, **values))


def resistor(name: str, source: str, target: str) -> Connection:
    return Connection(
        name=name, kind="resistor", source=source, target=target, parameters={"resistance": 1e8}
    )


def junction(name: str) -> Compartment:
    return Compartment(name=name, kind="junction")


def test_what_makes_sense_passes(newborn: Circulation, everything: Circulation) -> None:
    check_circulation(newborn)
    check_circulation(everything)


PROBLEMS: dict[str, tuple[Callable[[Circulation], Circulation], str]] = {
    "a name twice": (
        lambda c: with_part(
            c, "activations", Activation(name="aorta", kind="sine_squared", parameters={"duration": 1.0})
        ),
        "[aorta] the name is used more than once, in compartments, activations",
    ),
    "the name of the outside": (
        lambda c: with_part(c, "surroundings", Surrounding(name="outside")),
        "'outside' stands for what is not part of the circulation",
    ),
    "an infinite period": (lambda c: replace(c, period=float("inf")), "[period] not a finite number"),
    "no period": (lambda c: replace(c, period=0.0), "[period] out of range"),
    "heavy blood": (
        lambda c: replace(c, blood=replace(c.blood, density=1.06)),
        "[blood.density] out of range; expected 900 to 1200 kg/m**3 (value: 1.06 kg/m**3)",
    ),
    "a negative compliance": (
        lambda c: c.changed("aorta", "compliance", -1e-9),
        "[compartments.aorta.compliance] out of range",
    ),
    "a parameter that is not a number": (
        lambda c: c.changed("aorta", "compliance", float("nan")),
        "[compartments.aorta.compliance] not a finite number; expected 1e-09 to 10000 mL/mmHg (value: nan)",
    ),
    "an unknown kind": (
        lambda c: changed(c, "connections", "body", kind="losss"),
        "[connections.body.kind] unknown kind 'losss'; did you mean 'loss'?",
    ),
    "an unknown parameter": (
        lambda c: changed(c, "connections", "coronaries", parameters={"resistance": 1e9, "inertence": 1.0}),
        "[connections.coronaries.inertence] unknown parameter 'inertence' of a resistor",
    ),
    "a chamber without activation": (
        lambda c: changed(c, "compartments", "left_ventricle", activation=""),
        "[compartments.left_ventricle.activation] a chamber needs an activation; expected one of atria, ventricles",
    ),
    "a vessel that contracts": (
        lambda c: changed(c, "compartments", "aorta", activation="atria"),
        "a vessel does not contract",
    ),
    "an activation that nobody uses": (
        lambda c: with_part(
            c, "activations", Activation(name="idle", kind="sine_squared", parameters={"duration": 0.1})
        ),
        "[activations.idle] no chamber uses it",
    ),
    "a pressure that acts on nothing": (
        lambda c: with_part(c, "surroundings", Surrounding(name="abdomen")),
        "[surroundings.abdomen] it presses on nothing",
    ),
    "a wall pressure that acts on nothing": (
        lambda c: changed(c, "compartments", "myocardium", surroundings=""),
        "[couplings.wall] it presses on nothing",
    ),
    "an unknown surrounding": (
        lambda c: changed(c, "compartments", "aorta", surroundings="plura"),
        "[compartments.aorta.surroundings] unknown surroundings 'plura'; did you mean 'pleura'?",
    ),
    "pressure on a resistor": (
        lambda c: changed(c, "connections", "body", surroundings="pleura"),
        "[connections.body.surroundings] nothing presses on a loss",
    ),
    "pressure on a junction": (
        lambda c: changed(c, "compartments", "fork", surroundings="pleura"),
        "[compartments.fork.surroundings] nothing presses on a junction",
    ),
    "blood in a junction": (
        lambda c: changed(c, "compartments", "fork", volume=1e-6),
        "[compartments.fork.volume] a junction holds no blood",
    ),
    "a volume that is not a number": (
        lambda c: changed(c, "compartments", "aorta", volume=float("nan")),
        "[compartments.aorta.volume] not a finite number",
    ),
    "an empty chamber of fibres": (
        lambda c: changed(c, "compartments", "right_atrium", volume=0.0),
        "[compartments.right_atrium.volume] a chamber of fibres cannot be empty",
    ),
    "an end that does not exist": (
        lambda c: changed(c, "connections", "arch", target="forc"),
        "[connections.arch.to] unknown compartment 'forc'; did you mean 'fork'?",
    ),
    "a resistor to the outside": (
        lambda c: changed(c, "connections", "drain", target="outside"),
        "[connections.drain.to] a pump alone can lead outside, not a resistor",
    ),
    "both ends in one place": (
        lambda c: changed(c, "connections", "drain", target="veins"),
        "[connections.drain] both ends are 'veins'",
    ),
    "a waveform of another period": (
        lambda c: replace(c, period=0.5),
        "[surroundings.chest.waveform] its period is not that of the beat; expected 0.5 s (value: 0.437956 s)",
    ),
    "a waveform on a vessel": (
        lambda c: changed(
            c,
            "compartments",
            "aorta",
            waveform=Waveform(np.array([0.0, 0.1]), np.array([0.0, 1.0]), c.period),
        ),
        "[compartments.aorta.waveform] a vessel has none",
    ),
    "a pericardium around nothing": (
        lambda c: changed(c, "couplings", "pericardium", members=()),
        "[couplings.pericardium.members] expected at least one compartment",
    ),
    "a member that does not feel the pericardium": (
        lambda c: changed(c, "compartments", "left_ventricle", surroundings="pleura"),
        "[compartments.left_ventricle.surroundings] it lies in 'pericardium' but does not feel its pressure",
    ),
    "a pericardium in itself": (
        lambda c: changed(c, "couplings", "pericardium", surroundings="wall"),
        "[couplings.pericardium.surroundings] it lies within itself",
    ),
    "a septum with one side": (
        lambda c: changed(c, "couplings", "septum", members=("left_ventricle",)),
        "[couplings.septum.members] a septum has 2, not 1",
    ),
    "a septum that a chamber does not know": (
        lambda c: changed(c, "compartments", "left_ventricle", septum=""),
        "[compartments.left_ventricle.septum] 'septum' names it as a member",
    ),
    "a septum that does not know a chamber": (
        lambda c: changed(c, "compartments", "left_atrium", septum="septum"),
        "[compartments.left_atrium.septum] 'septum' does not name 'left_atrium' among its members",
    ),
    "a septum without activation": (
        lambda c: changed(c, "couplings", "septum", activation=""),
        "[couplings.septum.activation] unknown activation ''",
    ),
    "a junction in a pericardium": (
        lambda c: changed(c, "couplings", "pericardium", members=("fork",)),
        "[couplings.pericardium.members] 'fork' is a junction and holds no blood",
    ),
    "a port nowhere": (
        lambda c: with_part(c, "ports", Port(name="head", node="neck")),
        "[ports.head.node] unknown compartment 'neck'",
    ),
    "a flow into a reservoir": (
        lambda c: changed(c, "ports", "arch_outlet", node="table"),
        "[ports.arch_outlet.node] a flow does not change a reservoir's pressure",
    ),
    "a pressure on a vessel": (
        lambda c: changed(c, "ports", "cannula", node="aorta"),
        "[ports.cannula.node] a pressure drives a reservoir, not a vessel",
    ),
    "an organ that does not exist": (
        lambda c: replace(c, gas=replace(c.gas, consumers={"brian": 1.0})),
        "[gas.consumers] unknown compartment 'brian'",
    ),
    "shares that are not all": (
        lambda c: replace(c, gas=replace(c.gas, consumers={"veins": 0.9})),
        "[gas.consumers] the shares do not add up to one; expected 1 (value: 0.9)",
    ),
    "anaemia beyond life": (
        lambda c: replace(c, gas=replace(c.gas, haemoglobin=1.5)),
        "[gas.haemoglobin] out of range; expected 10 to 300 g/L",
    ),
    "a reflex that feels nothing": (
        lambda c: changed(c, "regulations", "baroreflex", senses="aortta"),
        "[regulations.baroreflex.senses] unknown block 'aortta'; did you mean 'aorta'?",
    ),
    "a reflex on nothing": (
        lambda c: changed(c, "regulations", "baroreflex", acts_on=("hart",)),
        "[regulations.baroreflex.acts_on] unknown block 'hart'; did you mean 'heart'?",
    ),
    "a reflex without its set point": (
        lambda c: changed(c, "regulations", "baroreflex", parameters={}),
        "[regulations.baroreflex.set_pressure] missing 'set_pressure'; expected 5 to 200 mmHg",
    ),
    "a compartment without connection": (
        lambda c: with_part(c, "compartments", replace(c.compartment("aorta"), name="pouch")),
        "[compartments.pouch] nothing is connected to it",
    ),
    "a junction with one connection": (
        lambda c: with_part(
            with_part(c, "compartments", junction("stump")), "connections", resistor("way", "aorta", "stump")
        ),
        "[compartments.stump] a junction with a single connection passes nothing on",
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_problem_is_named(name: str, everything: Circulation) -> None:
    spoil, expected = PROBLEMS[name]
    assert expected in message(spoil(everything))


def test_separate_part_is_named(newborn: Circulation) -> None:
    apart = with_part(
        newborn, "compartments", replace(newborn.compartment("pulmonary_veins"), name="sac", surroundings="")
    )
    apart = with_part(apart, "compartments", replace(newborn.compartment("pulmonary_veins"), name="pouch"))
    apart = with_part(apart, "connections", resistor("neck", "sac", "pouch"))
    assert "not one circulation: no way leads from sac, pouch to left_atrium, left_ventricle" in message(
        apart
    )


def test_a_3d_domain_joins_what_its_ports_meet() -> None:
    """Two Windkessels behind two outlets are one circulation; without the ports they are two."""
    vessel = {"compliance": 1e-9}
    bank = Circulation(
        name="bank",
        period=0.5,
        compartments=(
            junction("a_outlet"),
            Compartment(name="a", kind="vessel", parameters=vessel),
            junction("b_outlet"),
            Compartment(name="b", kind="vessel", parameters=vessel),
            Compartment(name="veins", kind="reservoir"),
            Compartment(name="other_veins", kind="reservoir"),
        ),
        connections=(
            resistor("a_near", "a_outlet", "a"),
            resistor("a_far", "a", "veins"),
            resistor("b_near", "b_outlet", "b"),
            resistor("b_far", "b", "other_veins"),
        ),
        ports=(Port(name="left", node="a_outlet"), Port(name="right", node="b_outlet")),
    )
    check_circulation(bank)
    text = message(replace(bank, ports=()))
    assert "a junction with a single connection" in text
    assert "not one circulation" in text


def loop_of_junctions(newborn: Circulation, *links: Connection) -> Circulation:
    return replace(
        newborn,
        compartments=(*newborn.compartments, junction("a"), junction("b")),
        connections=(*newborn.connections, *links),
    )


def test_closed_loop_of_junctions_without_compliance(newborn: Circulation) -> None:
    """Two junctions joined by two resistors, and by a pump with the rest: their pressure is anything."""
    pump = Connection(name="in", kind="pump", source="pulmonary_veins", target="a", parameters={"flow": 1e-6})
    back = replace(pump, name="out", source="b", target="pulmonary_veins")
    links = (resistor("ab", "a", "b"), resistor("ba", "b", "a"), pump, back)
    text = message(loop_of_junctions(newborn, *links))
    assert "nothing determines the pressure of these junctions (a, b)" in text
    assert "no compliance" in text
    tied = (*links, resistor("tie", "a", "left_atrium"))
    check_circulation(loop_of_junctions(newborn, *tied))


def test_junction_between_valves_has_no_pressure_when_they_are_closed(newborn: Circulation) -> None:
    valve = newborn.connection("aortic_valve")
    pair = (replace(valve, name="first", target="a"), replace(valve, name="second", source="a"))
    one = replace(
        newborn,
        compartments=(*newborn.compartments, junction("a")),
        connections=(*(each for each in newborn.connections if each.name != "aortic_valve"), *pair),
    )
    assert "nothing determines the pressure of this junction" in message(one)


def test_message_names_the_file_or_the_circulation(newborn: Circulation) -> None:
    spoiled = replace(newborn, period=0.0)
    assert message(spoiled).startswith(f"[{newborn.origin}]")
    assert message(replace(spoiled, origin="")).startswith("[newborn of PatientEvoPhysio]")
