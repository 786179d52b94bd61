from __future__ import annotations

import json
import math
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from hemoplan.errors import BoundaryError, CaseError, VariantError
from hemoplan.waveform import Waveform
from lumped.circulation.check import check_circulation
from lumped.circulation.file import load_anatomy, read_circulation, write_circulation
from lumped.circulation.graph import Circulation

SMALL = """
name = "loop"
heart_rate = "120 /min"
weight = "3 kg"

[activations.beat]
kind = "sine_squared"
duration = "0.2 s"

[compartments.heart]
kind = "elastance_chamber"
activation = "beat"
diastolic_elastance = "2 mmHg/mL"
systolic_elastance = "40 mmHg/mL"
volume = "5 mL"

[compartments.body]
kind = "vessel"
compliance = "0.2 mL/mmHg"
volume = "20 mL"

[connections.valve]
kind = "valve"
from = "heart"
to = "body"
resistance = "0.01 mmHg*s/mL"

[connections.return]
kind = "valve"
from = "body"
to = "heart"
resistance = "3 mmHg*s/mL"
"""


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal to a unit in the last place; waveforms by their points."""
    if isinstance(one, float):
        return isinstance(other, float) and math.isclose(one, other, rel_tol=1e-15, abs_tol=0.0)
    if isinstance(one, Waveform):
        return all(
            same(a, b)
            for name in ("times", "values")
            for a, b in zip(getattr(one, name).tolist(), getattr(other, name).tolist(), strict=True)
        ) and same(one.period, other.period)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if is_dataclass(one):
        return type(one) is type(other) and all(
            same(getattr(one, each.name), getattr(other, each.name)) for each in fields(one)
        )
    if hasattr(one, "items"):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def written(tmp_path: Path, text: str, name: str = "circulation.toml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_round_trip_of_everything(tmp_path: Path, everything: Circulation, suffix: str) -> None:
    check_circulation(everything)
    path = tmp_path / f"everything{suffix}"
    write_circulation(path, everything)
    back = replace(read_circulation(path), origin="")
    assert same(back, everything)
    again = tmp_path / f"again{suffix}"
    write_circulation(again, back)
    assert again.read_text() == path.read_text()


def test_round_trip_sees_a_difference(everything: Circulation) -> None:
    """The comparison above is not blind: a change in the fifteenth digit, deep inside, is one."""
    aorta = everything.compartment("aorta")
    moved = everything.changed("aorta", "compliance", aorta.parameters["compliance"] * (1.0 + 4e-15))
    assert not same(moved, everything)


def test_numbers_are_in_si(tmp_path: Path) -> None:
    loop = read_circulation(written(tmp_path, SMALL))
    assert loop.period == pytest.approx(0.5)
    assert loop.compartment("body").parameters["compliance"] == pytest.approx(0.2e-6 / 133.322387415)
    assert loop.connection("valve").parameters["resistance"] == pytest.approx(0.01 * 133.322387415e6)
    assert loop.compartment("heart").volume == pytest.approx(5e-6)
    assert (loop.connection("return").source, loop.connection("return").target) == ("body", "heart")


def test_json_says_the_same(tmp_path: Path) -> None:
    import tomllib

    toml = read_circulation(written(tmp_path, SMALL))
    json_path = written(tmp_path, json.dumps(tomllib.loads(SMALL)), "circulation.json")
    assert same(replace(read_circulation(json_path), origin=""), replace(toml, origin=""))


def test_extension_says_what_differs(tmp_path: Path) -> None:
    written(tmp_path, SMALL, "loop.toml")
    path = written(
        tmp_path,
        """
extends = "loop.toml"
period = "0.4 s"
[compartments.body]
compliance = "0.3 mL/mmHg"
[connections.return]
kind = "narrowing"
vessel_diameter = "6 mm"
diameter = "2 mm"
length = "4 mm"
""",
    )
    loop = read_circulation(path)
    assert loop.name == "loop"
    assert loop.period == 0.4
    assert loop.compartment("body").volume == pytest.approx(20e-6)
    assert loop.compartment("body").parameters["compliance"] == pytest.approx(0.3e-6 / 133.322387415)
    changed = loop.connection("return")
    assert (changed.kind, changed.source, changed.target) == ("narrowing", "body", "heart")
    assert set(changed.parameters) == {"vessel_diameter", "diameter", "length"}


def test_removal_and_surgery_in_a_file(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
extends = "cc0_neonate"
name = "banded"
remove = ["aorta"]
surgery = ["add shunt 3.5 mm from intrathoracic_arteries to pulmonary_arteries as central_shunt",
           "set pleura.pressure -2 mmHg"]
[connections.arch]
kind = "resistor"
from = "intrathoracic_arteries"
to = "extrathoracic_arteries"
resistance = "0.2 mmHg*s/mL"
""",
    )
    banded = read_circulation(path)
    names = [each.name for each in banded.connections]
    assert "aorta" not in names
    assert names[-2:] == ["arch", "central_shunt"]
    assert banded.surroundings[0].pressure == pytest.approx(-2 * 133.322387415)


def test_surgery_of_the_base_comes_before_the_changes(tmp_path: Path) -> None:
    written(tmp_path, 'extends = "cc0_neonate"\nsurgery = ["open foramen 5 mm"]\n', "base.toml")
    path = written(tmp_path, 'extends = "base.toml"\n[connections.foramen]\ndiameter = "3 mm"\n')
    assert read_circulation(path).connection("foramen").parameters["diameter"] == 3e-3


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            'compliance = "0.2',
            'complience = "0.2',
            "[compartments.body.complience] unknown key 'complience'; did you ",
        ),
        (
            'kind = "vessel"',
            'kind = "vesel"',
            "[compartments.body.kind] unknown kind 'vesel'; did you mean 'vessel'?",
        ),
        (
            '"0.2 mL/mmHg"',
            "0.2",
            "[compartments.body.compliance] missing unit; expected a text with a unit of the kind",
        ),
        ('"0.2 mL/mmHg"', '"0.2 mmHg"', "[compartments.body.compliance] wrong dimension"),
        (
            '"0.2 mL/mmHg"',
            '"-0.2 mL/mmHg"',
            "[compartments.body.compliance] out of range; expected 1e-09 to 10000 mL/",
        ),
        ('"0.2 mL/mmHg"', '"nan mL/mmHg"', "[compartments.body.compliance] not a finite number"),
        (
            'compliance = "0.2 mL/mmHg"',
            "",
            "[compartments.body.compliance] missing 'compliance'; expected 1e-09 to",
        ),
        ('volume = "20 mL"', "", "[compartments.body.volume] missing key 'volume'"),
        ('activation = "beat"', "", "[compartments.heart.activation] a chamber needs an activation"),
        ('activation = "beat"', 'activation = "beta"', "unknown activation 'beta'; did you mean 'beat'?"),
        (
            'to = "body"',
            'to = "boddy"',
            "[connections.valve.to] unknown compartment 'boddy'; did you mean 'body'?",
        ),
        ('to = "body"', "", "[connections.valve.to] missing key 'to'"),
        ('"120 /min"', '"0 /min"', "[heart_rate] the heart must beat"),
        ('heart_rate = "120 /min"', "", "[heart_rate] missing key 'heart_rate'"),
        ('"120 /min"', '"3000 /min"', "[period] out of range; expected 0.15 to 3 s"),
        ('"3 kg"', '"3 g"', "[weight] out of range; expected 0.3 to 200 kg"),
        (
            "[connections.return]",
            "[conections.return]",
            "[conections] unknown key 'conections'; did you mean 'connectio",
        ),
        ("[compartments.body]", "[compartments.Body]", "[compartments.Body] not a name"),
        (
            '"40 mmHg/mL"',
            '"1 mmHg/mL"',
            "[compartments.heart] the systolic elastance is below the diastolic one",
        ),
        (
            'volume = "20 mL"',
            'volume = "20 mL"\nsurroundings = "pleura"',
            "unknown surroundings 'pleura'; there is none",
        ),
        ('volume = "20 mL"', 'volume = "20 mL"\nseptum = "wall"', "unknown septum 'wall'; there is none"),
        ('name = "loop"', "name = 3", "[name] expected a text in quotes (value: 3)"),
    ],
)
def test_problem_names_place_value_and_remedy(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in SMALL
    path = written(tmp_path, SMALL.replace(old, new, 1))
    with pytest.raises((CaseError, BoundaryError)) as caught:
        read_circulation(path)
    message = str(caught.value)
    assert expected in message
    assert str(path) in message
    assert "Traceback" not in message


def test_one_mistake_is_one_problem(tmp_path: Path) -> None:
    """A misspelt key is not reported as unknown and missing, nor an unknown kind together with all that follows."""
    for old, new in (
        ('compliance = "0.2', 'complience = "0.2'),
        ('"0.2 mL/mmHg"', "0.2"),
        ('kind = "vessel"', 'kind = "vesel"'),
        ('resistance = "0.01', 'ressistance = "0.01'),
        ("heart_rate", "hart_rate"),
    ):
        with pytest.raises(CaseError, match=r"the circulation has 1 problem:"):
            read_circulation(written(tmp_path, SMALL.replace(old, new, 1)))


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = (
        SMALL.replace('"0.2 mL/mmHg"', '"-1 mL/mmHg"')
        .replace('to = "body"', 'to = "boddy"')
        .replace("3 kg", "3")
    )
    with pytest.raises(CaseError, match=r"the circulation has 3 problems:") as caught:
        read_circulation(written(tmp_path, text))
    assert all(each in str(caught.value) for each in ("compliance", "boddy", "weight"))


def test_spelling_and_sense_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(CaseError):
        read_circulation(written(tmp_path, SMALL.replace("volume", "volumes", 1)))
    with pytest.raises(BoundaryError):
        read_circulation(written(tmp_path, SMALL.replace('"0.2 mL', '"-0.2 mL')))


PUMP = """
[compartments.line]
kind = "reservoir"
waveform = { shares = [0.0, 0.5], values = [0, 10], unit = "mmHg" }
[connections.line_to_body]
kind = "resistor"
from = "line"
to = "body"
resistance = "9 mmHg*s/mL"
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[0.0, 0.5]", "[0.0, 1.0]", "[compartments.line.waveform.shares] they leave the beat"),
        ("[0.0, 0.5]", "[-0.1, 0.5]", "they leave the beat"),
        ("[0.0, 0.5]", "[0.5, 0.2]", "[compartments.line.waveform] the waveform's times must increase"),
        ("[0.0, 0.5]", "[0.0, 0.5, 0.7]", "as many times as values"),
        ("[0, 10]", "[0, nan]", "has a value that is not a number"),
        ("[0, 10]", '[0, "10"]', "[compartments.line.waveform.values] expected a list of numbers"),
        ('"mmHg"', '"mL"', "[compartments.line.waveform.unit] wrong dimension"),
        (', unit = "mmHg"', "", "[compartments.line.waveform.unit] missing key 'unit'"),
        (
            "waveform = {",
            'pressure = "3 mmHg"\nwaveform = {',
            "both 'pressure' and 'waveform'; leave out one",
        ),
    ],
)
def test_problems_of_waveforms(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in PUMP
    read_circulation(written(tmp_path, SMALL + PUMP))
    with pytest.raises((CaseError, BoundaryError)) as caught:
        read_circulation(written(tmp_path, SMALL + PUMP.replace(old, new, 1)))
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('extends = "term_newbron"', "there is no anatomy 'term_newbron'; did you mean 'term_newborn'?"),
        ('extends = "nowhere.toml"', "cannot read the circulation"),
        ('extends = "circulation.toml"', "the circulation extends itself"),
        ("extends = 3", "[extends] expected the name of an anatomy"),
        ('extends = "cc0_neonate"\nremove = ["aorrta"]', "no part 'aorrta' to remove; did you mean 'aorta'?"),
        ('extends = "cc0_neonate"\nremove = "aorta"', "[remove] expected a list of names"),
        ('extends = "cc0_neonate"\nsurgery = "ligate duct"', "[surgery] expected a list of texts"),
        (
            'extends = "cc0_neonate"\nsurgery = ["ligate duct"]',
            "surgery: ligate duct] there is no connection 'duct'",
        ),
        ('remove = ["aorta"]', "there is nothing to remove from"),
        ('name = "a"\nname = "b"', "is not valid TOML"),
        ("name = ", "is not valid TOML"),
    ],
)
def test_problems_of_extensions(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises((CaseError, VariantError)) as caught:
        read_circulation(written(tmp_path, text))
    assert expected in str(caught.value)


def test_name_that_is_there_twice_in_json(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="the name 'name' is there twice"):
        read_circulation(written(tmp_path, '{"name": "a", "name": "b"}', "circulation.json"))


def test_missing_file_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="term_newborn"):
        read_circulation(tmp_path / "nothing.toml")


def test_nonsense_is_not_written(tmp_path: Path, newborn: Circulation) -> None:
    with pytest.raises(BoundaryError, match="compliance"):
        write_circulation(tmp_path / "a.toml", newborn.changed("pulmonary_veins", "compliance", -1.0))
    assert not (tmp_path / "a.toml").exists()


def test_unknown_anatomy() -> None:
    with pytest.raises(CaseError, match="did you mean 'term_newborn'"):
        load_anatomy("term_newborm")
