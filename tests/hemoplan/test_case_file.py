from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from hemoplan.case import Case, Stent
from hemoplan.case_file import case_schema, load_case
from hemoplan.errors import CaseError

from .minimal_case import write_case

SHIPPED = Path(__file__).parents[2] / "cases" / "neonatal_coarctation"
WINDKESSEL = """[outlets.arm]
proximal_resistance = "1 mmHg*s/mL"
compliance = "0.1 mL/mmHg"
distal_resistance = "10 mmHg*s/mL"
"""
WEIGHT = 'weight = "3.4 kg"'
ARM = "[outlets.arm]\nflow_fraction = 0.3\n"
BODY = "[outlets.body]\nflow_fraction = 0.7\n"


def test_minimal_case_is_in_si(tmp_path: Path) -> None:
    case = load_case(write_case(tmp_path))
    assert case.patient.weight == pytest.approx(3.4)
    assert case.patient.period == pytest.approx(60.0 / 140.0)
    assert case.patient.cuff.systolic == pytest.approx(70 * 133.322387)
    assert case.patient.venous_pressure == pytest.approx(5 * 133.322387)
    assert case.mean_inflow == pytest.approx(850e-6 / 60.0)
    assert case.blood.viscosity == pytest.approx(4.0e-3)
    assert case.mesh.size == pytest.approx(8e-4)
    assert case.inlet == "aorta"
    assert case.outlet_names == ("arm", "body")
    assert isinstance(case.variants[1], Stent)
    assert case.variants[1].diameter == pytest.approx(5.5e-3)


def test_a_folder_stands_for_its_case_file(tmp_path: Path) -> None:
    write_case(tmp_path)
    assert load_case(tmp_path).name == "test_arch"


def test_given_windkessels(tmp_path: Path) -> None:
    case = load_case(write_case(tmp_path, (ARM, WINDKESSEL), (BODY, WINDKESSEL.replace("arm", "body"))))
    assert case.outlets["arm"].proximal_resistance == pytest.approx(1.33322387e8)
    assert case.outlets["arm"].compliance == pytest.approx(0.1e-6 / 133.322387)


def with_table(text: str) -> tuple[str, str]:
    return ("[image]\n", f"{text}\n\n[image]\n")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # unknown and missing keys
        (
            'diameter = "5.5',
            'diamter = "5.5',
            "[variants.wide.diamter] unknown key 'diamter'; did you mean 'diameter'?",
        ),
        (WEIGHT, 'wieght = "3.4 kg"', "[patient.wieght] unknown key 'wieght'; did you mean 'weight'?"),
        (
            WEIGHT,
            f"{WEIGHT}\nshoes = 3",
            "[patient.shoes] unknown key 'shoes'; expected one of cuff, heart_rate, length, venous_pressure, weight",
        ),
        (WEIGHT, "", "[patient.weight] missing key"),
        (*with_table("[solverr]\ncycles = 3"), "[solverr] unknown key 'solverr'; did you mean 'solver'?"),
        # units
        (
            WEIGHT,
            "weight = 3.4",
            '[patient.weight] missing unit; expected a text with a unit of the kind "kg", such as "3.4 kg"',
        ),
        (WEIGHT, 'weight = "3.4"', "[patient.weight] missing unit"),
        (WEIGHT, 'weight = "3.4 mm"', "[patient.weight] wrong dimension [length]"),
        (WEIGHT, 'weight = "3.4 kgg"', "[patient.weight] unknown unit 'kgg'"),
        # out of range
        (
            *with_table('[blood]\nviscosity = "4 Pa*s"'),
            "[blood.viscosity] out of range: 4000 mPa*s; expected 0.5 to 20 mPa*s (value: '4 Pa*s')",
        ),
        ("140/min", "14/min", "[patient.heart_rate] out of range: 14 1/min; expected 30 to 300 1/min"),
        (
            "flow_fraction = 0.3",
            "flow_fraction = 1.3",
            "[outlets.arm.flow_fraction] out of range; expected less than 1",
        ),
        ("flow_fraction = 0.3", "flow_fraction = nan", "[outlets.arm.flow_fraction]"),
        (
            "flow_fraction = 0.3",
            'flow_fraction = "30 %"',
            "[outlets.arm.flow_fraction] expected a number without a unit",
        ),
        (ARM, WINDKESSEL.replace("0.1", "-0.1"), "[outlets.arm.compliance] out of range: -0.1 mL/mmHg"),
        (*with_table("[solver]\ncycles = 1"), "[solver.cycles] out of range; expected at least 2"),
        (
            *with_table("[mesh]\nboundary_layers = 2.5"),
            "[mesh.boundary_layers] expected a whole number (value: 2.5)",
        ),
        # wrong kinds of value
        (
            'kind = "stent"',
            'kind = "stnt"',
            "[variants.wide] unknown kind 'stnt'; expected one of 'baseline', 'stent'",
        ),
        ('kind = "stent"\n', "", "[variants.wide] missing key 'kind'"),
        ('role = "inlet"', 'role = "inflow"', "[openings.aorta.role] expected 'wall', 'inlet' or 'outlet'"),
        ('role = "inlet"', 'role = "wall"', "[openings.aorta.role] an opening is an 'inlet' or an 'outlet'"),
        ('name = "wide"', 'name = "Wide one"', "[variants.Wide one.name] not a name; expected small letters"),
        ('["5 mm", "0 mm", "0 mm"]', '["5 mm", "0 mm"]', "[variants.wide.near.2] missing entry"),
        ('["5 mm", "0 mm", "0 mm"]', '"here"', "[variants.wide.near] expected a list (value: 'here')"),
        # contradictions within a table
        ('systolic = "70', 'systolic = "50', "[patient.cuff] the cuff pressures must be ordered"),
        (
            'anatomy = "anatomy.toml"',
            "",
            "[image] expected exactly one of 'path' (a scan), 'anatomy' (a phantom) and 'surface'",
        ),
        (
            'flow_per_weight = "250 mL/min/kg"',
            "",
            "[inflow] expected exactly one of 'flow' and 'flow_per_weight'",
        ),
        (*with_table('[mesh]\nsize = "0.1 mm"'), "[mesh] 'min_size' is larger than 'size'"),
        (
            ARM,
            '[outlets.arm]\ncompliance = "0.1 mL/mmHg"\n',
            "[outlets.arm] expected 'flow_fraction', or all of",
        ),
        (ARM, ARM + 'compliance = "0.1 mL/mmHg"\n', "[outlets.arm] expected either 'flow_fraction'"),
        (
            "[segmentation]\n",
            "[segmentation]\nlower = 300.0\nupper = 200.0\n",
            "[segmentation] 'lower' is not below",
        ),
        # contradictions between tables
        ('site = "arm"', 'site = "amr"', "[patient.cuff.site] unknown opening 'amr'; did you mean 'arm'?"),
        (
            'site = "arm"',
            'site = "leg"',
            "[patient.cuff.site] unknown opening 'leg'; expected one of aorta, arm, body",
        ),
        (
            'distal = "body"',
            'distal = "bdy"',
            "[comparison.distal] unknown opening 'bdy'; did you mean 'body'?",
        ),
        ('distal = "body"', 'distal = "aorta"', "[comparison] expected two different openings"),
        (ARM, "", "[outlets.arm] the outlet has no boundary condition; add 'flow_fraction' or a Windkessel"),
        (ARM, WINDKESSEL, "[outlets] expected a 'flow_fraction' at every outlet, or a given Windkessel"),
        (
            "fraction = 0.3",
            "fraction = 0.4",
            "[outlets] the flow fractions do not add up to one; expected 1 (value: 1.1)",
        ),
        ('name = "wide"', 'name = "baseline"', "[variants] the name is used twice (value: 'baseline')"),
    ],
)
def test_one_mistake_gives_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(CaseError) as caught:
        load_case(write_case(tmp_path, (old, new)))
    head, *lines = str(caught.value).splitlines()
    assert head == f"[{tmp_path / 'case.toml'}] the case file has 1 problem:"
    assert len(lines) == 1
    assert lines[0].strip().startswith(message)
    assert caught.value.exit_code == 2


def test_all_problems_are_listed_at_once(tmp_path: Path) -> None:
    path = write_case(
        tmp_path, (WEIGHT, "weight = 3"), ('diameter = "5.5', 'diamter = "5.5'), ("140/min", "14/min")
    )
    with pytest.raises(CaseError) as caught:
        load_case(path)
    text = str(caught.value)
    assert "the case file has 3 problems:" in text
    for key in ("patient.weight", "patient.heart_rate", "variants.wide.diamter"):
        assert f"\n  [{key}] " in text


def test_all_unknown_names_are_listed_at_once(tmp_path: Path) -> None:
    path = write_case(tmp_path, ('site = "arm"', 'site = "leg"'), ("[outlets.arm]", "[outlets.arn]"))
    with pytest.raises(CaseError) as caught:
        load_case(path)
    assert str(caught.value).splitlines()[1:] == [
        "  [patient.cuff.site] unknown opening 'leg'; expected one of aorta, arm, body",
        "  [outlets.arn] unknown opening 'arn'; did you mean 'arm'?",
        "  [outlets.arm] the outlet has no boundary condition; add 'flow_fraction' or a Windkessel",
    ]


def test_two_openings_of_one_name_and_no_inlet(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"\[openings\] the name is used twice \(value: 'arm'\)"):
        load_case(write_case(tmp_path, ('name = "body"', 'name = "arm"')))
    with pytest.raises(CaseError, match=r"\[openings\] expected exactly one inlet \(value: none\)"):
        load_case(write_case(tmp_path, ('role = "inlet"', 'role = "outlet"')))


def test_file_that_is_not_toml_says_the_line(tmp_path: Path) -> None:
    with pytest.raises(
        CaseError, match=r"not valid TOML .*line 6.*check that line|not valid TOML .*line 6.*Check"
    ):
        load_case(write_case(tmp_path, (WEIGHT, 'weight = "3.4 kg')))
    (tmp_path / "case.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CaseError, match="not valid TOML"):
        load_case(tmp_path)


def test_missing_file_and_empty_folder(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent", tmp_path / "absent.toml"):
        with pytest.raises(
            CaseError, match="there is no such case file.*hemoplan run cases/neonatal_coarctation"
        ):
            load_case(path)


@pytest.mark.parametrize(
    ("overrides", "key", "expected"),
    [
        (['mesh.size="0.6 mm"'], "mesh.size", 6e-4),
        (["mesh.size=0.6 mm"], "mesh.size", 6e-4),
        (["solver.cycles=4", "solver.cycles=5"], "solver.cycles", 5),
        (["patient.weight = 4 kg"], "patient.weight", 4.0),
        (["inflow.waveform=flow.csv"], "inflow.waveform", Path("flow.csv")),
    ],
)
def test_overrides(tmp_path: Path, overrides: list[str], key: str, expected: Any) -> None:
    value: Any = load_case(write_case(tmp_path), overrides)
    for part in key.split("."):
        value = getattr(value, part)
    assert value == (pytest.approx(expected) if isinstance(expected, float) else expected)


def test_override_reaches_a_variant_by_name(tmp_path: Path) -> None:
    variant = load_case(write_case(tmp_path), ["variants.wide.diameter=6 mm"]).variants[1]
    assert isinstance(variant, Stent)
    assert variant.diameter == pytest.approx(6e-3)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("mesh", "cannot read the override .*such as --set mesh.size"),
        ("=3", "cannot read the override"),
        ("mesh..size=3", "cannot read the override"),
        ("mesh.sise=0.6 mm", r"\[mesh.sise\] unknown key 'sise'; did you mean 'size'?"),
        ("mesh.size=0.6", r"\[mesh.size\] missing unit"),
        ("variants.wode.diameter=6 mm", "unknown name in the override.*one of baseline, wide"),
        ("variants.wide=6 mm", "leads to no table"),
        ("question.x=3", "leads to no table"),
        ("variants=3", r"\[variants\] expected a list"),
        ("outlets=3", r"\[outlets\] expected a table"),
    ],
)
def test_wrong_overrides(tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        load_case(write_case(tmp_path), [override])


def test_profile_comes_before_overrides(tmp_path: Path) -> None:
    path = write_case(tmp_path)
    assert load_case(path, profile="fine").mesh.size == pytest.approx(5e-4)
    assert load_case(path, profile="fine").mesh.min_size == pytest.approx(2.5e-4)
    assert load_case(path, ["mesh.size=0.4 mm"], profile="fine").mesh.size == pytest.approx(4e-4)
    assert load_case(path).solver.time_step == pytest.approx(5e-4)


@pytest.mark.parametrize(
    ("old", "new"), [("[profiles.fine]", "[profiles.coarse]"), ('mesh = { size = "0.5 mm" }', "mesh = 3")]
)
def test_wrong_profiles(tmp_path: Path, old: str, new: str) -> None:
    with pytest.raises(CaseError, match="no such profile .*expected one of coarse|expected a table"):
        load_case(write_case(tmp_path, (old, new)), profile="fine")


def test_profiles_that_are_no_tables(tmp_path: Path) -> None:
    path = write_case(tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("[profiles.fine]")] + "[profiles]\nfine = 3\n", encoding="utf-8")
    with pytest.raises(CaseError, match="there is no such profile"):
        load_case(path, profile="fine")


def test_a_case_cannot_be_changed(tmp_path: Path) -> None:
    case = load_case(write_case(tmp_path))
    with pytest.raises(ValueError, match="frozen"):
        case.patient.weight = 5.0  # type: ignore[misc]


def resolve(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference within a JSON Schema."""
    return schema["$defs"][part["$ref"].rsplit("/", 1)[-1]] if "$ref" in part else part


def test_schema_is_json_and_knows_every_table() -> None:
    schema = json.loads(case_schema())
    assert set(schema["properties"]) == set(Case.model_fields)
    assert schema["additionalProperties"] is False
    references = {part.split('"')[0] for part in case_schema().split('"#/$defs/')[1:]}
    assert references <= set(schema["$defs"])
    patient = resolve(schema, schema["properties"]["patient"])
    assert patient["properties"]["weight"]["type"] == "string"
    assert "0.3 to 200 kg" in patient["properties"]["weight"]["description"]


def test_schema_accepts_the_keys_of_the_shipped_case() -> None:
    if not SHIPPED.is_dir():
        pytest.skip("the case is not there")
    schema = json.loads(case_schema())
    table = tomllib.loads((SHIPPED / "case.toml").read_text(encoding="utf-8"))
    profiles = table.pop("profiles", {})
    for content in (table, *profiles.values()):
        for key, value in content.items():
            assert key in schema["properties"]
            model = resolve(schema, schema["properties"][key])
            if "properties" in model and isinstance(value, dict):
                assert set(value) <= set(model["properties"]), key
    assert load_case(SHIPPED).name == "neonatal_coarctation"
    for profile in profiles:
        load_case(SHIPPED, profile=profile)
