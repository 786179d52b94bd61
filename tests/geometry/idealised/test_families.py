"""Families of anatomies: the clinical numbers that they are asked for, and errors that name what is wrong."""

from pathlib import Path

import numpy as np
import pytest

from geometry.idealised.allometry import normal_diameter, surface_area
from geometry.idealised.anatomy_file import load_anatomy
from geometry.idealised.catalogue import build, families
from geometry.idealised.clearance import least_gap
from hemoplan.errors import CaseError
from hemoplan.patch import Role

MM = 1.0e-3
BY_WEIGHT = [
    name for name, family in families().items() if any(p.name == "weight" for p in family.parameters)
]


def test_body_surface_of_a_newborn_is_that_of_the_normal_cohort() -> None:
    """20 term newborns of 3.54 kg on average had 0.23 m² (J Cardiovasc Magn Reson 2023;25:26)."""
    assert surface_area(3.54) == pytest.approx(0.23, abs=0.005)


def test_normal_diameters_are_those_that_newborns_have() -> None:
    """Means of newborns in print: aortic root 10 mm, right pulmonary artery 6 mm."""
    assert normal_diameter("aortic_root", 3.5) == pytest.approx(10 * MM, abs=0.6 * MM)
    assert normal_diameter("right_pulmonary_artery", 3.5) == pytest.approx(5.5 * MM, abs=0.6 * MM)
    assert normal_diameter("descending_aorta", 3.5) < normal_diameter("ascending_aorta", 3.5)
    assert normal_diameter("isthmus", 3.5) < normal_diameter("distal_arch", 3.5)


def test_diameters_grow_with_the_root_of_the_body_surface() -> None:
    ratio = normal_diameter("isthmus", 10.0, 0.75) / normal_diameter("isthmus", 3.0, 0.48)
    assert ratio == pytest.approx(np.sqrt(surface_area(10.0, 0.75) / surface_area(3.0, 0.48)), rel=1e-12)


def test_an_unknown_vessel_is_explained() -> None:
    with pytest.raises(CaseError, match="did you mean 'isthmus'"):
        normal_diameter("ishtmus", 3.5)


@pytest.mark.parametrize("name", list(families()))
def test_openings_lie_on_centrelines_and_look_out(name: str) -> None:
    anatomy = build(name)
    assert any(opening.role is Role.INLET for opening in anatomy.openings)
    assert any(opening.role is Role.OUTLET for opening in anatomy.openings)
    assert float(anatomy.distance(anatomy.seed[None])[0]) < 0.0
    for opening in anatomy.openings:
        radius, axis = opening.radius, opening.axis
        assert np.linalg.norm(axis) == pytest.approx(1.0, abs=1e-12)
        side = np.cross(axis, [0.36, 0.48, 0.8])
        side /= np.linalg.norm(side)
        inwards = opening.centre - 0.4 * radius * axis
        probes = np.array([opening.centre + radius * side, opening.centre + 1.02 * radius * axis, inwards])
        rim, beyond, inside = anatomy.distance(probes)
        assert rim == pytest.approx(0.0, abs=0.01 * radius)
        assert beyond == pytest.approx(0.02 * radius, abs=0.005 * radius)
        assert inside < -0.9 * radius


@pytest.mark.parametrize("weight", [2.0, 3.0, 5.0])
@pytest.mark.parametrize("name", BY_WEIGHT)
def test_families_hold_together_at_the_weights_of_newborns_and_infants(name: str, weight: float) -> None:
    anatomy = build(name, weight=weight)
    assert least_gap(anatomy) > 0.4 * MM
    for opening in anatomy.openings:
        known = {"inferior_vena_cava": None, "pulmonary_trunk": "main_pulmonary_artery"}.get(
            opening.name, opening.name
        )
        if known is None or name == "blalock_taussig_shunt" and opening.name == "left_pulmonary_artery":
            continue
        assert 2.0 * opening.radius == pytest.approx(normal_diameter(known, weight), rel=1e-6), opening.name


def test_a_throat_has_the_severity_that_is_asked_for() -> None:
    tube = build("stenosed_tube", diameter=6e-3, severity=0.7).branch("vessel")
    assert 2.0 * tube.radius(tube.arc_length).min() == pytest.approx(1.8 * MM, rel=1e-4)
    arch = build("coarctation", weight=3.2, severity=0.6).branch("aorta")
    throat = 2.0 * arch.radius(arch.arc_length).min()
    assert throat == pytest.approx(0.4 * normal_diameter("isthmus", 3.2), rel=1e-3)
    spindle = build("aneurysm", diameter=5e-3, dilation=2.2).branch("vessel")
    assert 2.0 * spindle.radius(spindle.arc_length).max() == pytest.approx(11.0 * MM, rel=1e-4)


def test_a_bend_turns_by_its_angle_on_its_radius() -> None:
    tube = build("bend", bend_radius=12e-3, angle=np.pi / 2, ends=10e-3).branch("vessel")
    assert tube.length == pytest.approx((20.0 + 12.0 * np.pi / 2) * MM, rel=1e-3)
    assert tube.tangents[0] @ tube.tangents[-1] == pytest.approx(0.0, abs=1e-3)
    middle = tube.point(0.5 * tube.length)
    assert np.linalg.norm(middle - np.array([0.0, -12e-3, 0.0])) == pytest.approx(12 * MM, rel=1e-3)


def test_the_daughters_of_a_fork_obey_murray() -> None:
    anatomy = build("bifurcation", diameter=7e-3, asymmetry=1.4)
    parent, left, right = (
        2.0 * float(anatomy.branch(name).radius(8e-3)) for name in ("parent", "left", "right")
    )
    assert left**3 + right**3 == pytest.approx(parent**3, rel=1e-9)
    assert left / right == pytest.approx(1.4, rel=1e-9)


def test_a_shunt_runs_from_artery_to_artery_and_has_its_length() -> None:
    anatomy = build("blalock_taussig_shunt", shunt_diameter=3e-3, shunt_length=20e-3)
    graft = anatomy.branch("shunt")
    for artery, end in (("brachiocephalic", 0), ("pulmonary_arteries", -1)):
        assert anatomy.branch(artery).distance(graft.centreline[[end]])[0] < -1.0 * MM
    free = (anatomy.branch("brachiocephalic").distance(graft.centreline) > 0.0) & (
        anatomy.branch("pulmonary_arteries").distance(graft.centreline) > 0.0
    )
    # The bow makes it a little longer than the straight line between the walls.
    assert free.sum() * graft.length / len(free) == pytest.approx(20 * MM, rel=0.1)


def test_the_offset_of_a_conduit_is_that_between_the_axes() -> None:
    anatomy = build("cavopulmonary_connection", offset=10e-3)
    conduit, cava = (
        anatomy.branch("conduit").centreline[-1],
        anatomy.branch("superior_vena_cava").centreline[-1],
    )
    assert cava[0] - conduit[0] == pytest.approx(10 * MM, abs=1e-9)


def test_every_parameter_has_a_unit_and_a_meaning() -> None:
    for family in families().values():
        assert family.summary.endswith(".")
        for parameter in family.parameters:
            assert parameter.quantity.unit and parameter.meaning, f"{family.name}.{parameter.name}"


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("coarctaton", {}, ["no such family", "coarctation"]),
        ("coarctation", {"wieght": 3.0}, ["unknown parameter", "did you mean 'weight'?"]),
        ("coarctation", {"weight": 3400.0}, ["coarctation.weight", "3400 kg", "0.4 to 120 kg"]),
        ("coarctation", {"severity": 65.0}, ["coarctation.severity", "6500 percent", "0 to 95 percent"]),
        ("straight_tube", {"diameter": 7.0}, ["straight_tube.diameter", "7000 mm", "0.5 to 50 mm"]),
        ("bend", {"bend_radius": 2e-3}, ["cannot turn so sharply", "4.2 mm"]),
        ("stenosed_tube", {"stenosis_length": 39e-3}, ["does not fit", "36.0 mm"]),
        (
            "blalock_taussig_shunt",
            {"weight": 2.0, "shunt_diameter": 5e-3},
            ["wider than the artery", "3.7 mm"],
        ),
    ],
)
def test_wrong_numbers_are_explained(name: str, values: dict[str, float], expected: list[str]) -> None:
    with pytest.raises(CaseError) as error:
        build(name, **values)
    for part in expected:
        assert part in str(error.value)


FILE = 'name = "narrow_arch"\nfamily = "coarctation"\n[parameters]\nweight = "3.1 kg"\nseverity = "65 %"\n'


def test_a_file_may_name_a_family(tmp_path: Path) -> None:
    path = tmp_path / "anatomy.toml"
    path.write_text(FILE)
    anatomy = load_anatomy(path)
    assert anatomy.name == "narrow_arch"
    aorta = anatomy.branch("aorta")
    throat = 2.0 * aorta.radius(aorta.arc_length).min()
    assert throat == pytest.approx(0.35 * normal_diameter("isthmus", 3.1), rel=1e-3)
    assert {opening.name for opening in anatomy.openings} >= {"ascending_aorta", "descending_aorta"}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('"coarctation"', '"coarctaton"', ["no such family", "did you mean 'coarctation'?"]),
        ("severity", "severty", ["parameters.severty", "did you mean 'severity'?"]),
        ('"3.1 kg"', "3.1", ["parameters.weight", "missing unit"]),
        ('"3.1 kg"', '"3.1 mm"', ["parameters.weight", "wrong dimension"]),
        ('family = "coarctation"\n', "", ["either 'branches'"]),
        ('"65 %"', '"165 %"', ["parameters.severity", "out of range"]),
    ],
)
def test_wrong_families_in_files_are_explained(
    before: str, after: str, expected: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "anatomy.toml"
    assert before in FILE
    path.write_text(FILE.replace(before, after, 1))
    with pytest.raises(CaseError) as error:
        load_anatomy(path)
    for part in ["anatomy.toml", *expected]:
        assert part in str(error.value)
