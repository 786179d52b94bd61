"""The closed circulation of a case: what is left for the solver, and what comes back from it as a whole beat."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from hemoplan.case import ClosedCirculation
from hemoplan.case_file import load_case
from hemoplan.errors import BoundaryError, CaseError, HemoplanError, VariantError
from hemoplan.units import MMHG
from lumped.circulation.file import read_circulation
from planning.closed_loop.history import branch_flows, port_flows, shifted_volume, whole_beat
from planning.closed_loop.loop import (
    Loop,
    beat_map_of,
    boundary_of,
    check_loop,
    loop_of,
    of_the_child,
    of_variant,
    own_beat,
    read_source,
)
from planning.closed_loop.outputs import (
    LoopOutputs,
    alone_outputs,
    outputs_of_beat,
    read_outputs,
    reversal,
    stroke_work,
    telling_outputs,
    write_outputs,
)
from planning.ledger import Ledger
from planning.plan import Plan
from planning.resolved_case import absolute_paths
from planning.run_folder import RunFolder
from planning.solver.circuit_record import BeatRecord, CircuitRecorder, read_beat
from planning.stages.closed_loop import check_circulation, prepare_circulation
from tests.planning.silent_display import SilentDisplay

CASE = Path(__file__).resolve().parents[2] / "cases" / "duct_arch_closed_loop"


@cache
def shipped():
    return absolute_paths(load_case(CASE), CASE)


@cache
def loop(variant: str = "baseline") -> Loop:
    case = shipped()
    child = of_the_child(read_source(case.circulation), case)
    return loop_of(of_variant(child, variant, case.circulation.surgery.get(variant, ())), case.circulation)


def test_the_shipped_case_fits_its_circulation():
    check_circulation(shipped(), shipped().circulation)
    assert loop().circulation.weight == 3.4
    assert loop().circulation.period == pytest.approx(60.0 / 140.0)


@pytest.mark.parametrize("variant", ["baseline", "ligated"])
def test_branches_carry_what_the_openings_leave_them(variant):
    """The branches are trees, so that flows at the openings determine all of theirs, the duct's too."""
    beat = own_beat(loop(variant).circulation)
    flows = port_flows(loop(variant), beat)
    ports = tuple(flows)
    found = branch_flows(loop(variant), ports, np.column_stack([flows[port] for port in ports]))
    # The arch is a small compliance in 0D, and none in 3D: what it takes up is shared out.
    taken = np.abs(sum(flows.values())).max()
    assert taken < 0.05 * np.abs(flows["ascending_aorta"]).max()
    assert set(found) == {each.name for each in loop(variant).branches}
    for name, flow in found.items():
        assert np.abs(flow - beat.flow(name)).max() <= taken
    assert ("ductus_arteriosus" in found) == (variant == "baseline")


def recorded(variant: str, drift: float = 0.0) -> tuple[BeatRecord, dict[str, np.ndarray]]:
    """The periodic beat of the whole, as the solver would have recorded it; veins that fill by a drift [m³]."""
    beat, boundary = own_beat(loop(variant).circulation), boundary_of(loop(variant))
    known = {(each.block, each.quantity): k for k, each in enumerate(beat.model.unknowns)}
    columns = [beat.unknowns[:, known[each.block, each.quantity]] for each in boundary.model.unknowns]
    flows = port_flows(loop(variant), beat)
    states = np.column_stack([*columns, *(flows[port] for port in boundary.ports)])
    states[:, boundary.model.state("lower_veins")] += drift * np.linspace(0.0, 1.0, len(states))
    return BeatRecord(ports=boundary.ports, states=states), flows


def test_a_recorded_beat_comes_back_whole():
    """Pressures, valve flows and all outputs are those of the beat that was recorded."""
    record, flows = recorded("baseline")
    beat = own_beat(loop().circulation)
    found = whole_beat(loop(), boundary_of(loop()), record, where=Path("beat.npz"))
    for node in ("left_ventricle", "ascending_aorta", "left_lung"):
        np.testing.assert_allclose(found.pressure(node), beat.pressure(node), atol=1e-6 * MMHG)
    np.testing.assert_allclose(found.flow("aortic_valve"), beat.flow("aortic_valve"), atol=1e-12)
    coupled = outputs_of_beat(loop(), found, flows)
    alone = alone_outputs(loop(), beat)
    for key in (
        "qp_over_qs",
        "output.left_ventricle",
        "stroke_work.right_ventricle",
        "saturation.postductal",
    ):
        assert coupled[key].value == pytest.approx(alone[key].value, rel=2e-3), key
    assert coupled["flow.ductus_arteriosus"].value == pytest.approx(
        alone["output.left_ventricle"].value - alone["output.right_ventricle"].value, rel=0.01
    )
    assert coupled["qp_over_qs"].value > 1.4


def test_a_duct_that_is_tied_off_steals_nothing():
    outputs = alone_outputs(loop("ligated"), own_beat(loop("ligated").circulation))
    assert outputs["qp_over_qs"].value == pytest.approx(1.0, abs=1e-3)
    assert "flow.ductus_arteriosus" not in outputs


def test_what_a_beat_shifts_is_told_and_taken_out():
    record, _ = recorded("baseline", drift=2e-7)
    boundary = boundary_of(loop())
    assert shifted_volume(boundary, record) == pytest.approx(1e-7, rel=1e-3)
    found = whole_beat(loop(), boundary, record, where=Path("beat.npz"))
    np.testing.assert_allclose(found.unknowns[-1], found.unknowns[0], atol=1e-18)


def test_all_variants_have_the_same_blood():
    blood = boundary_of(loop()).initial_state()
    given = boundary_of(loop()).model.total_volume(blood)
    tied = boundary_of(loop("ligated"), blood=given)
    assert tied.model.total_volume(tied.initial_state()) == pytest.approx(given, rel=1e-14)
    loose = boundary_of(loop("ligated"))
    assert loose.model.total_volume(loose.initial_state()) != pytest.approx(given, rel=1e-6)


def test_the_map_over_a_beat_keeps_the_blood_and_forgets_the_rest():
    boundary = boundary_of(loop())
    found = beat_map_of(loop(), boundary)
    assert found.places(boundary).size == len(found.names)
    volumes = np.array(found.slow, dtype=float)
    np.testing.assert_allclose(found.invariants[0], volumes)
    lungs = found.names.index("volume of left_lung")
    # Blood that is moved into a lung is elsewhere or still there after the beat; little is where the 3D domain is.
    assert volumes @ found.matrix[:, lungs] == pytest.approx(1.0, abs=0.05)
    assert 0.3 < found.slowest < 1.0


def test_stroke_work_and_reversal_are_those_of_known_curves():
    beat = own_beat(loop().circulation)
    chamber = beat.model.nodes.index("left_ventricle")
    t = np.linspace(0.0, 2.0 * np.pi, len(beat.times))
    beat.pressures[:, chamber] = 1e3 * np.sin(t)
    beat.unknowns[:, beat.model.state("left_ventricle")] = 1e-6 * np.cos(t)
    assert stroke_work(beat, "left_ventricle") == pytest.approx(np.pi * 1e-3, rel=1e-3)
    assert reversal(np.sin(t) + 1.0) == pytest.approx(0.0, abs=1e-12)
    # Of 1/2 + sin t, backward over forward: (sqrt 3 - pi / 3) / (sqrt 3 + 2 pi / 3).
    expected = (np.sqrt(3.0) - np.pi / 3.0) / (np.sqrt(3.0) + 2.0 * np.pi / 3.0)
    assert reversal(np.sin(t) + 0.5) == pytest.approx(expected, rel=1e-3)
    assert reversal(-np.sin(t) - 0.5) == pytest.approx(expected, rel=1e-3)


def test_outputs_come_back_from_disk(tmp_path):
    table = alone_outputs(loop(), own_beat(loop().circulation))
    branches = tuple(each.name for each in loop().branches)
    outputs = LoopOutputs(
        coupled=table, alone=table, branches=branches, openings=tuple(shipped().circulation.ports)
    )
    write_outputs(tmp_path / "circulation.json", outputs)
    assert read_outputs(tmp_path / "circulation.json") == outputs
    keys = [each.key for each in telling_outputs({"baseline": outputs})]
    assert {
        "qp_over_qs",
        "flow.ductus_arteriosus",
        "reversal.descending_aorta",
        "saturation.preductal",
    } <= set(keys)
    (tmp_path / "circulation.json").write_text("{}")
    with pytest.raises(HemoplanError, match="cannot read the outputs"):
        read_outputs(tmp_path / "circulation.json")


def test_the_recorder_keeps_the_last_beat_over_an_interruption(tmp_path):
    path = tmp_path / "beat.npz"
    first = CircuitRecorder(("in", "out"), 4)
    for step in range(1, 7):
        first.add(step, np.full(3, float(step)))
    first.write(path, fingerprint="mine")
    second = CircuitRecorder(("in", "out"), 4)
    second.resume(path, step=6, fingerprint="mine")
    for step in (7, 8):
        second.add(step, np.full(3, float(step)))
    second.write(path, fingerprint="mine")
    beat = read_beat(path, steps=4)
    assert beat.ports == ("in", "out")
    assert beat.states[:, 0].tolist() == [4.0, 5.0, 6.0, 7.0, 8.0]
    stranger = CircuitRecorder(("in", "out"), 4)
    stranger.resume(path, step=8, fingerprint="another")
    stranger.add(9, np.zeros(3))
    stranger.write(path, fingerprint="another")
    with pytest.raises(HemoplanError, match="1 of the 5 states of a beat"):
        read_beat(path, steps=4)


def test_a_record_of_another_circulation_is_refused():
    record, _ = recorded("baseline")
    short = BeatRecord(ports=record.ports, states=record.states[:, 1:])
    with pytest.raises(HemoplanError, match="belongs to another circulation"):
        whole_beat(loop(), boundary_of(loop()), short, where=Path("beat.npz"))


def source(**changes) -> ClosedCirculation:
    return shipped().circulation.model_copy(update=changes)


def without(name: str) -> tuple[str, ...]:
    return tuple(each for each in shipped().circulation.remove if each != name)


def port(opening: str, node: str) -> dict[str, str]:
    return {**shipped().circulation.ports, opening: node}


FAULTS = {
    "unknown_anatomy": (
        {"anatomy": "term_newborne", "path": None},
        CaseError,
        r"\[circulation.anatomy\].*did you mean 'term_newborn'\?",
    ),
    "no_file": (
        {"path": Path("/nowhere.toml")},
        CaseError,
        r"\[circulation.path: /nowhere.toml\] cannot read",
    ),
    "unknown_part": (
        {"remove": (*shipped().circulation.remove, "isthmos")},
        CaseError,
        r"\[circulation.remove\].*no part 'isthmos' to remove; did you mean 'isthmus'\?",
    ),
    "unknown_node": (
        {"ports": port("descending_aorta", "descending_aorte")},
        CaseError,
        r"\[circulation.ports.descending_aorta\].*did you mean 'descending_aorta'\?",
    ),
    "removed_node": (
        {"ports": port("left_carotid", "aortic_arch")},
        CaseError,
        r"\[circulation.ports.left_carotid\].*no compartment 'aortic_arch' left",
    ),
    "end_without_opening": (
        {"ports": port("brachiocephalic", "ascending_aorta")},
        CaseError,
        r"'innominate_origin' is removed and ends at 'innominate_artery', which no opening meets",
    ),
    "second_way": (
        {"remove": without("right_pulmonary_branch")},
        CaseError,
        r"\[circulation.ports.right_pulmonary_artery\] nothing that is removed ends at 'right_pulmonary_artery'",
    ),
    "unreadable_step": (
        {"surgery": {"banded": ("strangle ductus_arteriosus",)}},
        CaseError,
        r"\[circulation.surgery.banded: strangle",
    ),
    "impossible_step": (
        {"surgery": {"banded": ("constrict ductus_arteriosus 9 mm",)}},
        VariantError,
        r"\[circulation.surgery.banded: constrict",
    ),
}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_what_does_not_fit_is_named_before_any_work(fault):
    changes, kind, message = FAULTS[fault]
    with pytest.raises(kind, match=message):
        check_circulation(shipped(), source(**changes))


def test_a_second_way_beside_the_vessels_is_told(caplog):
    check_circulation(shipped(), shipped().circulation)
    assert not caplog.records
    check_circulation(shipped(), source(remove=without("ductus_arteriosus")))
    assert "'ductus_arteriosus' stays in the circulation and joins two openings" in caplog.text


def test_a_circulation_that_is_cut_into_parts_is_refused():
    """Behind the brachiocephalic artery's opening lies a piece from which no blood comes back."""
    given = loop().circulation
    cut = {"right_carotid_artery", "right_subclavian_artery"}
    left = tuple(each for each in given.connections if each.name not in cut)
    dead = replace(loop(), circulation=replace(given, connections=left, regulations=()))
    with pytest.raises(BoundaryError, match="not one circulation|no blood can flow|pass nothing on|no way"):
        check_loop(dead)
        boundary_of(dead)


def test_bedside_data_of_another_child_are_refused(tmp_path):
    bedside = tmp_path / "bedside.toml"
    bedside.write_text('weight = "2.9 kg"\n[targets.rate]\nquantity = "heart_rate"\nvalue = "140 /min"\n')
    with pytest.raises(CaseError, match=r"value: 2\.9 kg.*3\.4 kg, as patient\.weight says"):
        check_circulation(shipped(), source(bedside=bedside))


def test_the_circulation_is_fitted_to_the_bedside(tmp_path):
    """A stage of the run; weight and heart rate stay the case's."""
    bedside = tmp_path / "bedside.toml"
    bedside.write_text(
        """weight = "3.4 kg"
[targets.heart_rate]
quantity = "heart_rate"
value = "140 /min"
[targets.cuff]
quantity = "pressure"
of = "ascending_aorta"
value = "80/44 (60) mmHg"
method = "cuff"
"""
    )
    given = source(bedside=bedside)
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    case = shipped().model_copy(update={"circulation": given})
    plan = Plan(case=case, run=run, ranks=1, lock=-1)
    prepare_circulation(plan, Ledger(run.path, SilentDisplay(), timings=run.stages), given)
    fitted = read_circulation(run.circulation)
    assert fitted.weight == pytest.approx(3.4)
    assert fitted.period == pytest.approx(60.0 / 140.0)
    before, after = (
        own_beat(each).pressure("ascending_aorta") / MMHG for each in (loop().circulation, fitted)
    )
    assert abs(after.max() - 80.0) < 0.5 * abs(before.max() - 80.0)
    assert abs(after.min() - 44.0) < 0.5 * abs(before.min() - 44.0)
    assert run.bedside_fit.is_file()
    check_loop(loop_of(fitted, given))
