"""Stars in the place of the 3D domain: what they join, where the whole repeats itself, and its map over a beat."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from hemoplan.arrays import FloatArray
from hemoplan.errors import BoundaryError, HemoplanError
from lumped.beat_map import (
    circulation_beat_map,
    read_beat_map,
    state_names,
    windkessel_beat_map,
    write_beat_map,
)
from lumped.circulation.file import load_anatomy
from lumped.circulation.graph import Circulation, Compartment, Port
from lumped.engine.boundary import CirculationBoundary
from lumped.engine.build import build
from lumped.engine.marching import march
from lumped.engine.periodic import periodic
from lumped.simulation import periodic_circuit, simulate
from lumped.stand_in import StandInBeat, joined, periodic_boundary, stand_in_beat, started
from lumped.surrogate import Branch, Surrogate
from tests.lumped.arch import INFLOW, SURROGATE
from tests.lumped.test_simulation import bank

TUBE = Surrogate(inlet="arch", outlets=("descending",), branches=(Branch(resistance=3e6, inertance=4e5),))
STEPS = 200


@cache
def newborn() -> Circulation:
    return load_anatomy("term_newborn")


def opened(*removed: str, **nodes: str) -> CirculationBoundary:
    """The newborn without some connections, with ports at nodes."""
    left = tuple(each for each in newborn().connections if each.name not in removed)
    ports = tuple(Port(name=name, node=node) for name, node in nodes.items())
    return CirculationBoundary(model=build(replace(newborn(), connections=left, ports=ports)))


def isthmus() -> CirculationBoundary:
    return opened("isthmus", arch="aortic_arch", descending="descending_aorta")


@cache
def isthmus_beat() -> StandInBeat:
    return stand_in_beat(isthmus(), [TUBE], steps=STEPS)


def driven_beat(start: CirculationBoundary, flows: FloatArray, dt: float) -> FloatArray:
    """(s, n + q) states of a boundary that takes (s, q) flows, step by step."""
    state, states = start.initial_state(), []
    for step, flow in enumerate(flows, start=1):
        state = start.step(state, flow, step * dt, dt).state
        states.append(state)
    return np.array(states)


def test_a_stand_in_equal_to_the_connection_gives_the_circulation_s_own_beat() -> None:
    """What the isthmus has as a narrowing, the star has as numbers: both beats are one."""
    connection = newborn().connection("isthmus")
    model = build(newborn())
    block = model.blocks["isthmus"]
    numbers = model.parameters[block.at : block.at + block.size]
    inertance = numbers[3] if connection.kind.startswith("inertial") else 1.0
    star = Surrogate(
        inlet="arch",
        outlets=("descending",),
        branches=(Branch(resistance=numbers[0], loss=numbers[1], inertance=inertance),),
    )
    alone = periodic(model, steps=STEPS).history
    beat = stand_in_beat(isthmus(), [star], steps=STEPS)
    for node in ("aortic_arch", "descending_aorta", "left_lung"):
        assert beat.history.pressure(node) == pytest.approx(alone.pressure(node), rel=1e-3)
    through = alone.flow("isthmus")
    assert beat.outflow("descending") == pytest.approx(through, rel=0.0, abs=0.01 * np.abs(through).max())
    assert beat.outflow("arch") == pytest.approx(-beat.outflow("descending"), rel=0.0)


def test_the_boundary_starts_where_the_whole_repeats_itself() -> None:
    """Driven by the stand-in's own flows, the boundary alone comes back to its start, with its blood."""
    beat = isthmus_beat()
    boundary = started(beat)
    flows = np.column_stack([beat.outflow("arch"), beat.outflow("descending")])
    assert boundary.initial_drives() == pytest.approx(flows[0], rel=1e-12)
    states = driven_beat(boundary, flows[1:], boundary.model.period / STEPS)
    rates = boundary.model.network.unknowns["is_rate"] == 1.0
    scales = boundary.model.network.unknowns["scale"]
    n = len(boundary.model.unknowns)
    drift = (states[-1, :n] - boundary.initial_state()[:n]) / scales
    assert np.abs(drift[rates]).max() < 2e-3
    whole = boundary.model.total_volume(boundary.initial_state())
    assert whole == pytest.approx(isthmus().model.total_volume(isthmus().initial_state()), rel=1e-12)
    assert periodic_boundary(isthmus(), [TUBE], steps=STEPS).initial_state() == pytest.approx(
        boundary.initial_state(), rel=1e-6, abs=1e-12
    )


def test_a_star_of_several_branches_conserves_blood_at_its_parting() -> None:
    """Arch, head vessel and descending aorta meet in the domain; its numbers are those of a newborn's arch."""
    boundary = opened(
        "isthmus", "innominate_origin", "transverse_arch",
        ascending="ascending_aorta", arch="aortic_arch", head="innominate_artery", descending="descending_aorta",
    )  # fmt: skip
    branch = Branch(resistance=5e6, loss=1e11, inertance=5e5)
    star = Surrogate(
        inlet="ascending",
        outlets=("descending", "head", "arch"),
        branches=(branch, replace(branch, resistance=2e7), replace(branch, inertance=2e5)),
    )
    beat = stand_in_beat(boundary, [star], steps=STEPS)
    flows = np.array([beat.outflow(port) for port in boundary.ports])
    assert np.abs(flows.sum(axis=0)).max() < 1e-9 * np.abs(flows).max()
    assert flows[0].mean() < 0.0 < flows[1:].mean(axis=1).min()
    drop = beat.history.pressure("ascending_aorta") - beat.history.pressure("innominate_artery")
    assert drop.mean() == pytest.approx(
        2e7 * flows[2].mean() + 1e11 * (np.abs(flows[2]) * flows[2]).mean(), rel=0.02
    )


def test_two_lumens_have_two_stars() -> None:
    boundary = opened(
        "isthmus", "right_pulmonary_branch",
        arch="aortic_arch", descending="descending_aorta",
        trunk="main_pulmonary_artery", right="right_pulmonary_artery",
    )  # fmt: skip
    lung = Surrogate(inlet="trunk", outlets=("right",), branches=(Branch(resistance=1e7, inertance=4e5),))
    beat = stand_in_beat(boundary, [TUBE, lung], steps=STEPS)
    assert beat.outflow("right").mean() > 0.2 * beat.outflow("descending").mean() > 0.0
    assert beat.outflow("trunk") == pytest.approx(-beat.outflow("right"), rel=0.0)


def test_a_port_that_is_driven_by_pressure_becomes_a_junction() -> None:
    """The reservoir in the descending aorta's place is fed through a vessel; the beat is that of a driven flow."""
    given = isthmus().model.circulation
    mouth = Compartment(name="mouth", kind="reservoir", parameters={"pressure": 0.0})
    origin = replace(
        newborn().connection("aortic_hiatus"),
        name="mouth_to_aorta",
        kind="loss",
        source="mouth",
        target="descending_aorta",
        parameters={"resistance": 1e6, "quadratic_loss": 0.0},
    )
    ports = (given.ports[0], Port(name="descending", node="mouth", drive="pressure"))
    turned = CirculationBoundary(
        model=build(
            replace(
                given,
                compartments=(*given.compartments, mouth),
                connections=(*given.connections, origin),
                ports=ports,
            )
        )
    )
    beat = stand_in_beat(turned, [TUBE], steps=STEPS)
    boundary = started(beat)
    assert boundary.initial_drives()[1] == pytest.approx(beat.history.pressure("mouth")[0], rel=1e-12)
    assert "flow at descending" not in circulation_beat_map(beat).names
    assert beat.outflow("descending").mean() == pytest.approx(
        isthmus_beat().outflow("descending").mean(), rel=0.02
    )


def test_openings_that_differ_are_named() -> None:
    star = Surrogate(inlet="arch", outlets=("leg",), branches=(Branch(resistance=1e6),))
    with pytest.raises(BoundaryError, match="value: arch, leg.*expected arch, descending"):
        joined(isthmus(), [star])


def test_the_map_of_a_circulation_foretells_a_beat() -> None:
    """A departure of a capacitor, marched through the whole in 0D, ends where M says; blood is an eigenvector."""
    beat = isthmus_beat()
    beat_map, model = circulation_beat_map(beat), beat.history.model
    names = [f"{each.quantity} of {each.block}" for each in model.unknowns]
    e = np.zeros(len(beat_map.names))
    e[beat_map.names.index("volume of left_lung")] = 1e-8
    e[beat_map.names.index("volume of lower_veins")] = -1e-8
    moved = beat.history.unknowns[0].copy()
    for name, value in zip(beat_map.names, e, strict=True):
        if value:
            moved[names.index(name)] += value
    ends = [
        march(model, steps=STEPS, start=start).unknowns[-1] for start in (beat.history.unknowns[0], moved)
    ]
    volumes = [name for name in beat_map.names if name.startswith("volume")]
    found = np.array([ends[1][names.index(name)] - ends[0][names.index(name)] for name in volumes])
    foretold = (beat_map.matrix @ e)[[beat_map.names.index(name) for name in volumes]]
    assert found == pytest.approx(foretold, rel=0.0, abs=2e-3 * np.abs(found).max())
    assert beat_map.invariants @ beat_map.matrix == pytest.approx(beat_map.invariants, rel=1e-6, abs=1e-6)
    assert 0.3 < beat_map.slowest < 0.95


def test_the_map_of_windkessels_decays_with_their_time_constants() -> None:
    """Behind a star of next to no impedance the capacitors are one, which empties with their common time constant."""
    circuit = bank().reordered(SURROGATE.outlets)
    star = replace(SURROGATE, branches=(Branch(resistance=1e3, inertance=1.0),) * len(SURROGATE.branches))
    flat = replace(
        circuit, windkessels=tuple(replace(each, proximal_resistance=1e3) for each in circuit.windkessels)
    )
    beat_map = windkessel_beat_map(star, flat, INFLOW)
    capacity = sum(each.compliance for each in flat.windkessels)
    leak = sum(1.0 / each.distal_resistance for each in flat.windkessels)
    assert beat_map.slowest == pytest.approx(np.exp(-INFLOW.period * leak / capacity), rel=1e-3)


def test_the_map_of_windkessels_foretells_a_beat() -> None:
    circuit = periodic_circuit(SURROGATE, bank(), INFLOW)
    beat_map = windkessel_beat_map(SURROGATE, circuit, INFLOW)
    assert beat_map.names == state_names(circuit)
    e = np.concatenate([[80.0, -50.0, 30.0, 60.0], np.zeros(4)])
    start = circuit.initial_state()
    ends = [
        simulate(SURROGATE, circuit.starting_from(state), INFLOW, cycles=1).state
        for state in (start, start + e)
    ]
    assert (ends[1] - ends[0])[:4] == pytest.approx((beat_map.matrix @ e)[:4], rel=0.01, abs=0.05)


def test_a_map_survives_its_file_and_follows_the_order_of_the_ports(tmp_path: Path) -> None:
    beat_map = circulation_beat_map(isthmus_beat())
    write_beat_map(tmp_path / "map.json", beat_map)
    read = read_beat_map(tmp_path / "map.json")
    assert read.names == beat_map.names
    assert read.slow == beat_map.slow
    for name in ("matrix", "scales", "invariants"):
        assert (getattr(read, name) == getattr(beat_map, name)).all()
    boundary = isthmus()
    turned = boundary.reordered(("descending", "arch"))
    for circuit in (boundary, turned):
        found = [state_names(circuit)[place] for place in read.places(circuit)]
        assert found == list(read.names)
    with pytest.raises(BoundaryError, match="is that of another circuit"):
        read.places(bank())
    (tmp_path / "map.json").write_text("{}")
    with pytest.raises(HemoplanError, match="cannot read the map over a beat"):
        read_beat_map(tmp_path / "map.json")
