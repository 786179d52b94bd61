"""Openings: found, cut perpendicular to the vessel, capped flat, named."""

import logging
import re

import numpy as np
import pytest

from geometry.idealised.anatomy import Anatomy
from geometry.openings.cutting import cut_openings
from geometry.openings.ends import find_ends
from geometry.surfaces.surface import WALL_TAG, Surface, check_closed, enclosed_volume
from hemoplan.arrays import Vec3
from hemoplan.case import Case, Opening
from hemoplan.errors import SurfaceError
from hemoplan.patch import Role

MM = 1.0e-3


def opening(name: str, near: Vec3, role: Role = Role.OUTLET) -> Opening:
    """An opening whose point is given in metres."""
    return Opening.model_validate(
        {"name": name, "role": role, "near": [f"{1e3 * value} mm" for value in near]}
    )


def assert_place(text: str, place: Vec3, *, radius: float) -> None:
    """A message tells a place and a radius [mm], to 0.3 mm."""
    numbers = re.search(r"\((.+?), (.+?), (.+?)\) mm, radius (.+?) mm", text)
    assert numbers is not None, text
    assert [float(number) for number in numbers.groups()] == pytest.approx([*place, radius], abs=0.3)


def test_all_ends_are_found(closed_surface: Surface, case: Case) -> None:
    ends = find_ends(closed_surface)
    assert len(ends) == 5
    for entry in case.openings:
        gaps = [np.linalg.norm(end.tip - np.array(entry.near)) for end in ends]
        assert min(gaps) < 1.0 * MM, entry.name


def test_patches_are_in_the_order_of_the_case(open_surface: Surface, case: Case) -> None:
    assert [patch.name for patch in open_surface.patches] == [
        "wall",
        *(entry.name for entry in case.openings),
    ]
    assert [patch.role for patch in open_surface.openings] == [entry.role for entry in case.openings]
    assert [patch.tag for patch in open_surface.patches] == list(range(WALL_TAG, WALL_TAG + 6))
    check_closed(open_surface, where="test")


def test_areas_and_normals_against_the_anatomy(open_surface: Surface, anatomy: Anatomy) -> None:
    names = {"ascending_aorta": "aorta", "descending_aorta": "aorta"}
    for patch in open_surface.openings:
        branch = anatomy.branch(names.get(patch.name, patch.name))
        nearest = int(np.argmin(np.linalg.norm(branch.centreline - np.array(patch.centre), axis=1)))
        aside = np.cross(np.array(patch.centre) - branch.centreline[nearest], branch.tangents[nearest])
        assert np.linalg.norm(aside) < 0.06 * MM, patch.name
        radius = float(branch.radius(branch.arc_length[nearest]))
        assert np.sqrt(patch.area / np.pi) == pytest.approx(radius, abs=0.04 * MM), patch.name
        angle = np.degrees(np.arccos(min(1.0, abs(float(branch.tangents[nearest] @ np.array(patch.normal))))))
        assert angle < 4.0, patch.name
        outward = branch.tangents[nearest] * (1.0 if nearest > len(branch.centreline) / 2 else -1.0)
        assert outward @ np.array(patch.normal) > 0.0, patch.name


def test_caps_are_flat(open_surface: Surface) -> None:
    for patch in open_surface.openings:
        corners = open_surface.points[np.unique(open_surface.triangles[open_surface.patch_id == patch.tag])]
        assert np.abs((corners - patch.centre) @ np.array(patch.normal)).max() < 1e-9


def test_an_end_without_a_name_stays_closed_and_is_reported(
    closed_surface: Surface, case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    named = [entry for entry in case.openings if entry.name != "left_carotid"]
    with caplog.at_level(logging.WARNING):
        surface = cut_openings(closed_surface, named)
    assert len(surface.openings) == 4
    [message] = [record.getMessage() for record in caplog.records]
    assert "no name and stays closed" in message
    assert_place(message, (-0.7, 1.8, 25.2), radius=1.5)


def test_a_point_inside_a_vessel_cuts_it_there(closed_surface: Surface, case: Case, anatomy: Anatomy) -> None:
    aorta = anatomy.branch("aorta")
    place = aorta.point(52 * MM)
    entries = [entry for entry in case.openings if entry.name != "descending_aorta"]
    surface = cut_openings(closed_surface, [*entries, opening("descending_aorta", tuple(place.tolist()))])
    patch = surface.patch("descending_aorta")
    assert np.linalg.norm(place - patch.centre) < 0.1 * MM
    assert patch.area == pytest.approx(np.pi * float(aorta.radius(52 * MM)) ** 2, rel=0.03)
    assert patch.normal[2] < -0.99
    # What was cut off is the vessel below, not the arch above: now the ascending aorta reaches lowest.
    lowest = surface.points[:, 2].min()
    assert lowest == surface.points[surface.triangles[surface.patch_id == WALL_TAG + 1]][..., 2].min()
    assert enclosed_volume(surface) > 0.5 * enclosed_volume(closed_surface)


def test_a_point_far_from_every_vessel_lists_the_ends(closed_surface: Surface, case: Case) -> None:
    entries = [*case.openings[:4], opening("duct", (-15 * MM, 15 * MM, -15 * MM))]
    with pytest.raises(
        SurfaceError, match=r"openings\.duct\.near.*no vessel end.*-15\.0, 15\.0, -15\.0"
    ) as error:
        cut_openings(closed_surface, entries)
    ends = str(error.value).partition("ends found")[2].split(";")
    assert len(ends) == 5
    [lowest] = [end for end in ends if ", -2" in end]
    assert_place(lowest, (-5.3, -8.7, -21.3), radius=3.2)


def test_two_openings_at_one_end(closed_surface: Surface, case: Case) -> None:
    twin = opening("twin", case.openings[1].near)
    with pytest.raises(SurfaceError, match="'brachiocephalic' and 'twin'"):
        cut_openings(closed_surface, [*case.openings[:2], twin])


def test_a_cut_that_separates_other_openings(closed_surface: Surface, case: Case, anatomy: Anatomy) -> None:
    x, y, z = anatomy.branch("aorta").point(36 * MM)
    with pytest.raises(SurfaceError, match="separate other openings"):
        cut_openings(closed_surface, [*case.openings, opening("isthmus", (x, y, z))])


def test_an_open_surface_is_rejected(closed_surface: Surface, case: Case) -> None:
    leaking = Surface(
        points=closed_surface.points,
        triangles=closed_surface.triangles[:-1],
        patch_id=closed_surface.patch_id[:-1],
    )
    with pytest.raises(SurfaceError, match=r"not watertight.*3 bad edges.*a hole.*Smooth or repair"):
        cut_openings(leaking, case.openings)
