"""Surgery by function and by text: what the graph is afterwards, and what is refused with which words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hemoplan.errors import BoundaryError, CaseError, HemoplanError, VariantError
from lumped.circulation.beat import with_period
from lumped.circulation.check import check_circulation
from lumped.circulation.graph import Circulation, Compartment, Connection
from lumped.circulation.operations import apply, forms
from lumped.circulation.surgery import closable, insert, ligate, redirect, remove
from lumped.circulation.tidying import tidied

MM = 1e-3
SHUNT = "add shunt 3.5 mm from intrathoracic_arteries to pulmonary_arteries"


def ends(circulation: Circulation, name: str) -> tuple[str, str, str]:
    connection = circulation.connection(name)
    return connection.kind, connection.source, connection.target


def test_shunt_is_a_tube_between_two_arteries(newborn: Circulation) -> None:
    shunted = apply(newborn, SHUNT)
    assert ends(shunted, "shunt") == ("conduit", "intrathoracic_arteries", "pulmonary_arteries")
    assert shunted.connection("shunt").parameters == {"diameter": 3.5 * MM, "length": 20 * MM}
    assert len(newborn.connections) == len(shunted.connections) - 1
    second = apply(shunted, SHUNT + " length 30 mm", SHUNT + " as central")
    assert second.connection("shunt_2").parameters["length"] == pytest.approx(30 * MM)
    assert ends(second, "central")[0] == "conduit"


def test_ligation_undoes_a_shunt(newborn: Circulation) -> None:
    assert apply(newborn, SHUNT, "ligate shunt") == newborn
    assert (
        apply(newborn, "add hole 4 mm from left_ventricle to right_ventricle as defect", "close defect")
        == newborn
    )


def test_ligation_of_what_all_blood_needs_is_refused(newborn: Circulation) -> None:
    shunted = apply(newborn, SHUNT)
    with pytest.raises(
        VariantError, match="without 'aorta' no blood could flow through .*systemic_periphery"
    ) as caught:
        apply(shunted, "ligate aorta")
    assert "expected a connection that others can replace: shunt" in str(caught.value)
    assert closable(newborn) == ()
    assert "shunt" in closable(shunted)


def test_removal_takes_what_hangs_on_it(everything: Circulation) -> None:
    """Without the right ventricle: its valves, its septum and the defect into it; the pericardium keeps the other."""
    left = apply(
        everything,
        "remove right_ventricle",
        "add shunt 6 mm from right_atrium to lungs",
    )
    names = {each.name for each in left.connections}
    assert not names & {"tricuspid_valve", "pulmonary_valve", "defect"}
    assert {each.name: each.members for each in left.couplings} == {
        "pericardium": ("left_ventricle",),
        "wall": ("left_ventricle",),
    }
    assert left.compartment("left_ventricle").septum == ""
    check_circulation(left)


def test_tidying_passes_on_the_pressure_around(everything: Circulation) -> None:
    """Without its wall's chamber, the myocardium feels what lay around the wall pressure: the pericardium."""
    without = replace(
        everything,
        compartments=tuple(each for each in everything.compartments if each.name != "left_ventricle"),
    )
    assert tidied(without).compartment("myocardium").surroundings == "pericardium"


def test_reflex_goes_with_what_it_acts_on(everything: Circulation) -> None:
    without = tidied(remove(everything, "body"))
    assert without.regulations[0].acts_on == ("heart",)
    assert tidied(remove(everything, "aorta")).regulations == ()


def test_tidying_removes_stumps(newborn: Circulation) -> None:
    stump = replace(
        newborn,
        compartments=(
            *newborn.compartments,
            Compartment(name="a", kind="junction"),
            Compartment(name="b", kind="junction"),
        ),
        connections=(
            *newborn.connections,
            Connection(
                name="x", kind="resistor", source="left_atrium", target="a", parameters={"resistance": 1e8}
            ),
            Connection(name="y", kind="resistor", source="a", target="b", parameters={"resistance": 1e8}),
        ),
    )
    assert tidied(stump) == newborn


def test_band_on_a_connection_narrows_its_beginning(newborn: Circulation) -> None:
    banded = apply(newborn, "band pulmonary_periphery 4 mm in 9 mm")
    assert ends(banded, "pulmonary_periphery_band") == (
        "narrowing",
        "pulmonary_arteries",
        "pulmonary_periphery_beyond_band",
    )
    assert ends(banded, "pulmonary_periphery")[1:] == ("pulmonary_periphery_beyond_band", "pulmonary_veins")
    tighter = apply(banded, "band pulmonary_periphery 3 mm")
    assert tighter.connection("pulmonary_periphery_band").parameters["diameter"] == 3 * MM
    assert len(tighter.connections) == len(banded.connections)


def test_band_on_a_vessel_lies_before_all_that_leaves_it(newborn: Circulation) -> None:
    banded = apply(newborn, SHUNT, "band pulmonary_arteries 4 mm")
    assert ends(banded, "pulmonary_arteries_band")[0] == "conduit"
    assert banded.connection("pulmonary_periphery").source == "pulmonary_arteries_beyond_band"
    assert banded.connection("shunt").target == "pulmonary_arteries"
    assert banded.connection("pulmonary_valve").target == "pulmonary_arteries"


def test_foramen_is_made_or_opened(newborn: Circulation) -> None:
    flap = apply(newborn, "open foramen 3 mm with flap")
    assert ends(flap, "foramen") == ("flap", "right_atrium", "left_atrium")
    torn = apply(flap, "open foramen 6 mm")
    assert ends(torn, "foramen") == ("hole", "right_atrium", "left_atrium")
    assert torn.connection("foramen").parameters == {"diameter": 6 * MM}


def test_dilation_and_constriction(everything: Circulation) -> None:
    wide = apply(everything, "stent duct to 6 mm", "dilate coarctation to 4 mm", "constrict foramen 2 mm")
    duct = wide.connection("duct").parameters
    assert (duct["first_diameter"], duct["second_diameter"]) == (6 * MM, 6 * MM)
    assert wide.connection("coarctation").parameters["diameter"] == 4 * MM
    assert wide.connection("foramen").parameters["diameter"] == 2 * MM
    gone = apply(everything, "stent coarctation 6 mm").connection("coarctation")
    assert (gone.kind, gone.parameters["loss_coefficient"]) == ("conduit", 0.0)


def test_setting_values(newborn: Circulation) -> None:
    fast = apply(
        newborn,
        "set heart_rate 150 /min",
        "set left_ventricle.systolic_elastance 50 mmHg/mL",
        "set ventricles.duration_share 0.25",
        "set pleura.pressure 2 cmH2O",
    )
    assert fast.period == pytest.approx(0.4)
    assert fast.compartment("left_ventricle").parameters["systolic_elastance"] == pytest.approx(
        50 * 133.322387e6
    )
    assert fast.activations[1].parameters["duration_share"] == 0.25
    assert fast.surroundings[0].pressure == pytest.approx(196.133)


def test_default_can_be_set(newborn: Circulation) -> None:
    leaky = apply(newborn, "set mitral_valve.leak_diameter 1 mm")
    assert leaky.connection("mitral_valve").parameters["leak_diameter"] == MM


def test_another_heart_rate_stretches_waveforms(everything: Circulation) -> None:
    slow = with_period(everything, 2.0 * everything.period)
    wave, old = slow.surroundings[1].waveform, everything.surroundings[1].waveform
    assert wave is not None
    assert old is not None
    assert wave.times == pytest.approx(2.0 * old.times)
    check_circulation(slow)


def test_replacement_keeps_the_ends(everything: Circulation) -> None:
    tube = apply(everything, "replace duct with conduit diameter=3 mm length=10 mm loss_coefficient=1.2")
    assert ends(tube, "duct") == ("conduit", "lungs", "fork")
    assert tube.connection("duct").parameters == {
        "diameter": 3 * MM,
        "length": 10 * MM,
        "loss_coefficient": 1.2,
    }


def test_glenn_is_a_redirection(newborn: Circulation) -> None:
    """Veins of the head into the lungs, with a second way for the rest of the body."""
    glenn = apply(
        newborn,
        "add shunt 6 mm from extrathoracic_veins to intrathoracic_veins as lower",
        "redirect systemic_veins to pulmonary_arteries",
    )
    assert ends(glenn, "systemic_veins") == ("resistor", "extrathoracic_veins", "pulmonary_arteries")
    turned = redirect(glenn, "systemic_veins", source="intrathoracic_veins")
    assert turned.connection("systemic_veins").source == "intrathoracic_veins"


def test_insertion_divides_what_a_connection_costs(newborn: Circulation) -> None:
    cut = insert(newborn, "isthmus", "aorta", share=0.25)
    before, first, second = (
        newborn.connection("aorta"),
        cut.connection("aorta"),
        cut.connection("aorta_distal"),
    )
    assert (first.source, first.target, second.source, second.target) == (
        "intrathoracic_arteries",
        "isthmus",
        "isthmus",
        "extrathoracic_arteries",
    )
    for key in ("resistance", "inertance"):
        assert first.parameters[key] == pytest.approx(0.25 * before.parameters[key])
        assert first.parameters[key] + second.parameters[key] == pytest.approx(before.parameters[key])
    shunted = apply(
        newborn, "insert isthmus into systemic_periphery", "add shunt 3 mm from isthmus to pulmonary_arteries"
    )
    assert ends(shunted, "shunt")[1] == "isthmus"


def test_only_the_end_must_be_one_circulation(newborn: Circulation) -> None:
    """Between its steps an operation may part what it joins again."""
    parting = (
        "remove aorta",
        "remove systemic_periphery",
        "remove pulmonary_periphery",
        "remove venous_return",
    )
    with pytest.raises(BoundaryError, match="not one circulation"):
        apply(newborn, *parting)
    joining = (
        "add shunt 6 mm from intrathoracic_arteries to extrathoracic_arteries as graft",
        "add shunt 2 mm from extrathoracic_arteries to extrathoracic_veins as fistula",
        "add shunt 6 mm from intrathoracic_veins to right_atrium as baffle",
        "add shunt 3 mm from pulmonary_arteries to pulmonary_veins as lungs",
    )
    joined = apply(newborn, *parting, *joining)
    assert [each.name for each in joined.connections][-4:] == ["graft", "fistula", "baffle", "lungs"]


@pytest.mark.parametrize(
    ("step", "error", "expected"),
    [
        ("ligate duct", VariantError, "[ligate duct] there is no connection 'duct'; expected one of aorta, "),
        ("ligate aorrta", VariantError, "did you mean 'aorta'?"),
        (
            "band pulmonary_arteries 6",
            CaseError,
            'missing unit; expected a text with a unit of the kind "mm" (value: 6)',
        ),
        ("band pulmonary_arteries 6 mmHg", CaseError, "wrong dimension"),
        (
            "band pulmonary_artary 6 mm",
            VariantError,
            "there is no vessel 'pulmonary_artary'; did you mean 'pulmonary_",
        ),
        ("band pulmonary_arteries 9 mm in 6 mm", VariantError, "the narrowing is as wide as its vessel"),
        (
            "add shunt 3.5 mm from innominate to aorta",
            VariantError,
            "there is no compartment 'innominate'; expected one",
        ),
        (
            "add shunt 3.5 mm from left_atrium to aorta",
            VariantError,
            "'aorta' is a connection, and nothing can be",
        ),
        ("add shunt 3.5 mm from left_atrium to left_atrium", VariantError, "both ends are 'left_atrium'"),
        (
            "add shunt 0 mm from left_atrium to right_atrium",
            VariantError,
            "out of range; expected 0.05 to 60 mm",
        ),
        ("add shunt 3,5 mm from left_atrium to right_atrium", CaseError, "a comma in a number"),
        (
            "add shunt from left_atrium to right_atrium",
            CaseError,
            "expected 'add shunt DIAMETER from SOURCE to TARGET",
        ),
        ("dilate aorta 4 mm", VariantError, "'aorta' (inertial_vessel) has no diameter; there is none"),
        ("set left_ventricle.elastance 3 mmHg/mL", VariantError, "no parameter 'elastance'; did you mean '"),
        (
            "set left_ventrical.volume 3 mL",
            VariantError,
            "there is no block 'left_ventrical'; did you mean 'left_ven",
        ),
        ("set aorta.resistance 3", CaseError, "missing unit"),
        ("set aorta.resistance -3 mmHg*s/mL", VariantError, "aorta.resistance: out of range"),
        ("set ventricles.duration_share many", CaseError, "expected one without a unit"),
        ("set heart_rate 0 /min", VariantError, "the heart must beat"),
        ("set heart_rate 150", CaseError, "missing unit"),
        ("replace aorta with tube", VariantError, "unknown kind 'tube'"),
        ("replace aorta with conduit diameter=3 mm", VariantError, "aorta.length: missing 'length'"),
        (
            "replace aorta with conduit diametre=3 mm",
            CaseError,
            "unknown parameter 'diametre' of a conduit; did you mean",
        ),
        ("insert x into mitral_valve", VariantError, "'mitral_valve' (valve) cannot be cut in two"),
        ("insert aorta into aorta", VariantError, "the name 'aorta' is taken"),
        ("redirect aorta to nowhere", VariantError, "there is no compartment 'nowhere'"),
        ("remove noone", VariantError, "there is no part 'noone'"),
        ("ligatte aorta", CaseError, "unknown operation 'ligatte aorta'; did you mean 'ligate'?"),
        ("ligate", CaseError, "cannot read this step of surgery; expected 'ligate NAME'"),
        ("", CaseError, "unknown operation ''"),
    ],
)
def test_words_of_a_refusal(
    newborn: Circulation, step: str, error: type[HemoplanError], expected: str
) -> None:
    with pytest.raises(error) as caught:
        apply(newborn, step)
    assert expected in str(caught.value)


def test_narrowing_by_dilation_is_refused(everything: Circulation) -> None:
    with pytest.raises(VariantError, match="'tube' has 3.5 mm already") as caught:
        apply(everything, "dilate tube to 3 mm")
    assert "`constrict tube to 3 mm` does the opposite" in str(caught.value)
    with pytest.raises(VariantError, match="`dilate tube to 4 mm`"):
        apply(everything, "constrict tube to 4 mm")


def test_band_on_what_nothing_leaves(everything: Circulation) -> None:
    with pytest.raises(VariantError, match="no connection leaves 'table'"):
        apply(everything, "band table 3 mm")


def test_port_keeps_its_compartment(everything: Circulation) -> None:
    with pytest.raises(VariantError, match="'fork' feeds the port 'arch_outlet'"):
        apply(everything, "remove fork")


def test_name_can_be_cut_short_where_it_stays_clear(newborn: Circulation) -> None:
    """`extrathoracic_a` is one vessel and `extrathoracic` two; a new name is taken as it is."""
    shunted = apply(newborn, "add shunt 3 mm from extrathoracic_a to pulmonary_a as pulmo")
    assert ends(shunted, "pulmo")[1:] == ("extrathoracic_arteries", "pulmonary_arteries")
    assert apply(shunted, "ligate pulmo") == newborn
    with pytest.raises(VariantError, match="there is no compartment 'extrathoracic'"):
        apply(newborn, "add shunt 3 mm from extrathoracic to pulmonary_v")


def test_every_form_is_listed() -> None:
    assert len(forms()) == len(set(forms()))
    assert "ligate NAME" in forms()


def test_ligation_by_function_leaves_the_old_one_alone(newborn: Circulation) -> None:
    shunted = apply(newborn, SHUNT)
    ligate(shunted, "shunt")
    assert any(each.name == "shunt" for each in shunted.connections)
