"""Names by rule, against anatomies that know the names of their openings: as they are, mirrored, turned."""

import logging
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from geometry.idealised.catalogue import build
from geometry.idealised.triangulation import to_surface
from geometry.openings.cutting import cut_openings
from geometry.openings.finding import Found, find_openings
from geometry.openings.naming import choose_rule, name_openings
from geometry.openings.renaming import rename_openings
from geometry.surfaces.surface import WALL_TAG, Surface, describe_patch
from hemoplan.arrays import FloatArray
from hemoplan.case import OPENING_NAMES, Case, Opening
from hemoplan.errors import SurfaceError
from hemoplan.patch import Role

MM = 1.0e-3
RULES = {
    "aortic_arch": "aortic arch",
    "arch_with_duct": "arch and pulmonary arteries",
    "pulmonary_arteries": "pulmonary arteries",
    "cavopulmonary_connection": "cavopulmonary connection",
    "bifurcation": "bifurcation",
}


@cache
def anatomy_surface(family: str) -> Surface:
    """With round tips, all wall."""
    return to_surface(build(family), size=1.0 * MM if "cavo" in family else 0.6 * MM, openings=())


def turn(axis: int, degrees: float) -> FloatArray:
    """(3, 3) rotation around an axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    one, other = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[one, one], matrix[one, other], matrix[other, one], matrix[other, other] = c, -s, s, c
    return matrix


def moved(surface: Surface, matrix: FloatArray) -> Surface:
    """Turned or mirrored, with its normals outwards."""
    triangles = surface.triangles if np.linalg.det(matrix) > 0.0 else surface.triangles[:, ::-1]
    return replace(surface, points=surface.points @ matrix.T, triangles=triangles)


@cache
def anatomy_openings(family: str) -> tuple[Found, ...]:
    return find_openings(anatomy_surface(family))


def moved_openings(family: str, matrix: FloatArray) -> tuple[Found, ...]:
    """As they would be found on the turned or mirrored surface."""
    return tuple(
        replace(each, tip=matrix @ each.tip, centre=matrix @ each.centre, axis=matrix @ each.axis)
        for each in anatomy_openings(family)
    )


@pytest.mark.parametrize("family", list(RULES))
@pytest.mark.parametrize("axis", [None, 0, 1, 2])
def test_names_of_families(family: str, axis: int | None) -> None:
    matrix = np.eye(3) if axis is None else turn(axis, 20.0)
    surface = moved(anatomy_surface(family), matrix)
    named = name_openings(moved_openings(family, matrix), surface, rule=RULES[family])
    known = {opening.name: opening for opening in build(family).openings}
    assert {each.name for each in named} == set(known) == set(OPENING_NAMES[RULES[family]])
    for each in named:
        truth = known[each.name]
        assert np.linalg.norm(each.found.centre - matrix @ truth.centre) < 0.3 * truth.radius, each.name
        assert each.role is truth.role
        assert each.confidence > 0.6
        assert each.reason


@pytest.mark.parametrize("family", ["aortic_arch", "arch_with_duct", "cavopulmonary_connection"])
def test_the_rule_is_found_where_none_is_asked_for(family: str) -> None:
    named = name_openings(anatomy_openings(family), anatomy_surface(family))
    assert [each.name for each in named] == list(OPENING_NAMES[RULES[family]])


@pytest.mark.parametrize("degrees", [-20.0, 0.0, 20.0])
def test_a_mirrored_arch_is_a_right_arch(degrees: float) -> None:
    matrix = np.diag([-1.0, 1.0, 1.0]) @ turn(2, degrees)
    surface = moved(anatomy_surface("aortic_arch"), matrix)
    found = moved_openings("aortic_arch", matrix)
    named = {each.name: each.found for each in name_openings(found, surface)}
    assert set(named) == set(OPENING_NAMES["right aortic arch"])
    for opening in build("aortic_arch").openings:
        name = opening.name.replace("left_", "right_")
        assert np.linalg.norm(named[name].centre - matrix @ opening.centre) < 0.3 * opening.radius
    with pytest.raises(SurfaceError, match=r"it is a right arch.*radius 4\.2 mm.*'near'"):
        name_openings(found, surface, rule="aortic arch")


def test_two_head_vessels_are_told_and_not_guessed() -> None:
    surface = anatomy_surface("aortic_arch")
    found = [each for each in anatomy_openings("aortic_arch") if abs(each.tip[0] + 0.6 * MM) > 1.0 * MM]
    assert len(found) == 4
    with pytest.raises(SurfaceError, match=r"two head vessels.*bovine arch.*found: \("):
        name_openings(found, surface, rule="aortic arch")
    assert [each.name for each in name_openings(found, surface)] == ["end_1", "end_2", "end_3", "end_4"]


def test_names_by_size() -> None:
    anatomy = build("blalock_taussig_shunt")
    surface = to_surface(anatomy, size=0.6 * MM, openings=())
    named = name_openings(find_openings(surface), surface)
    assert [each.name for each in named] == [f"end_{number}" for number in range(1, 6)]
    radii = [each.found.radius for each in named]
    assert radii == sorted(radii, reverse=True)


def test_the_shipped_case_without_points(
    closed_surface: Surface, open_surface: Surface, case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    """Found and named by rule, the openings are those that the case's points give, to the last digit."""
    entries = [Opening(name=entry.name, role=entry.role) for entry in case.openings]
    with caplog.at_level(logging.WARNING):
        surface = cut_openings(closed_surface, entries)
    assert not caplog.records
    assert [patch.name for patch in surface.openings] == [entry.name for entry in entries]
    for one, other in zip(surface.openings, open_surface.openings, strict=True):
        assert one == other


def test_some_points_and_some_names(closed_surface: Surface, open_surface: Surface, case: Case) -> None:
    entries = [
        entry if entry.name == "left_carotid" else Opening(name=entry.name, role=entry.role)
        for entry in case.openings
    ]
    surface = cut_openings(closed_surface, entries)
    assert surface.openings == open_surface.openings


def test_a_point_and_a_rule_that_mean_the_same_end(closed_surface: Surface, case: Case) -> None:
    [carotid] = [entry for entry in case.openings if entry.name == "left_carotid"]
    entries = [Opening(name=entry.name, role=entry.role) for entry in case.openings[:2]]
    wrong = carotid.model_copy(update={"near": case.openings[1].near})
    with pytest.raises(SurfaceError, match="'brachiocephalic' and 'left_carotid'"):
        cut_openings(closed_surface, [*entries, wrong])


def test_caps_are_renamed_by_rule(open_surface: Surface, case: Case) -> None:
    """Caps with names by size get the case's, though no entry has a point."""
    ordered = sorted(open_surface.openings, key=lambda patch: -patch.area)
    patch_id = np.full(len(open_surface.patch_id), WALL_TAG, dtype=np.int64)
    patches = [open_surface.patches[0]]
    for tag, patch in enumerate(ordered, start=WALL_TAG + 1):
        chosen = open_surface.patch_id == patch.tag
        patch_id[chosen] = tag
        patches.append(
            describe_patch(
                open_surface.points,
                open_surface.triangles[chosen],
                name=f"end_{tag - 1}",
                role=Role.OUTLET,
                tag=tag,
            )
        )
    surface = replace(open_surface, patch_id=patch_id, patches=tuple(patches))
    entries = [Opening(name=entry.name, role=entry.role) for entry in case.openings]
    assert rename_openings(surface, entries).openings == open_surface.openings


def test_which_rule_gives_names() -> None:
    assert choose_rule(["ascending_aorta", "right_carotid"]) == "right aortic arch"
    assert choose_rule(["pulmonary_trunk", "left_pulmonary_artery"]) == "pulmonary arteries"
    assert choose_rule(["ascending_aorta"], beside=["right_carotid"]) == "right aortic arch"
    assert choose_rule(["end_1", "end_2"]) == "size"
    with pytest.raises(SurfaceError, match=r"no rule gives all.*'near'.*bifurcation: inlet, right, left"):
        choose_rule(["ascending_aorta", "right_iliac"])


def test_a_rule_that_is_misspelt() -> None:
    surface = anatomy_surface("bifurcation")
    with pytest.raises(SurfaceError, match="did you mean 'aortic arch'"):
        name_openings(anatomy_openings("bifurcation"), surface, rule="aortic arc")


def test_an_opening_without_a_point_needs_a_name_of_a_rule() -> None:
    assert Opening(name="left_carotid", role=Role.OUTLET).near is None
    assert Opening(name="end_12", role=Role.OUTLET).near is None
    with pytest.raises(ValueError, match=r"expected 'near'.*did you mean 'left_carotid'"):
        Opening(name="left_carotd", role=Role.OUTLET)
    with pytest.raises(ValueError, match="expected 'near'"):
        Opening(name="end_0", role=Role.OUTLET)
