"""Bodies and holes of a label: counted, measured and located."""

import numpy as np
import pytest
from numpy.typing import NDArray

from geometry.imaging.bodies import check_bodies
from geometry.imaging.label_map import LabelMap

SHAPE = (40, 44, 48)
TURNED = np.array([[0.0, -1.0, 0.0], [0.8, 0.0, -0.6], [0.6, 0.0, 0.8]])


def label_map(region: NDArray[np.bool_], label: int = 1) -> LabelMap:
    return LabelMap(
        labels=region.astype(np.uint8) * np.uint8(label),
        spacing=np.array([0.4e-3, 0.5e-3, 0.6e-3]),
        origin=np.array([0.01, -0.02, 0.03]),
        direction=TURNED,
        names={label: "lumen"},
    )


def ball(centre: tuple[float, float, float], radius: float) -> NDArray[np.bool_]:
    """Voxels within a radius [voxels]."""
    return np.asarray(np.linalg.norm(np.moveaxis(np.indices(SHAPE), 0, -1) - centre, axis=-1) <= radius)


def test_one_sound_body() -> None:
    found = check_bodies(label_map(ball((20, 22, 24), 9.0)), 1)
    assert found.is_sound and len(found.bodies) == 1
    assert found.bodies[0].volume == pytest.approx(4 / 3 * np.pi * 9.0**3 * 0.12e-9, rel=0.02)
    assert str(found) == "1 body: 0.369 mL at (-1.0, -22.2, 46.3) mm"


def test_two_bodies_with_volumes_and_places() -> None:
    given = label_map(ball((12, 12, 12), 8.0) | ball((32, 35, 40), 4.0), label=3)
    found = check_bodies(given, 3)
    assert not found.is_sound and not found.holes
    for body, centre, radius in zip(found.bodies, ((12, 12, 12), (32, 35, 40)), (8.0, 4.0), strict=True):
        assert body.centre == pytest.approx(given.to_world(np.array(centre, dtype=float)), abs=1e-9)
        assert body.voxels == np.count_nonzero(ball(centre, radius))
        assert ball(centre, radius)[body.inside]
    assert str(found).startswith("2 bodies: ")
    assert not check_bodies(given, 1).bodies


def test_holes_are_measured_and_located() -> None:
    given = label_map(ball((20, 22, 24), 14.0) & ~ball((17, 20, 24), 3.0) & ~ball((27, 22, 24), 1.0))
    found = check_bodies(given, 1)
    assert len(found.bodies) == 1 and len(found.holes) == 2
    assert found.holes[0].volume == pytest.approx(np.count_nonzero(ball((17, 20, 24), 3.0)) * 0.12e-9)
    assert found.holes[0].centre == pytest.approx(given.to_world(np.array([17.0, 20.0, 24.0])), abs=1e-9)
    assert found.holes[1].voxels == 7
    assert "; 2 holes: 0.0148 mL at (" in str(found)


def test_a_cavity_with_a_way_out_is_no_hole() -> None:
    open_ball = ball((20, 22, 24), 10.0) & ~ball((20, 22, 24), 4.0)
    open_ball[20, 22, 24:] = False
    assert check_bodies(label_map(open_ball), 1).is_sound


def test_bodies_touch_through_faces_and_the_outside_through_corners() -> None:
    region = np.zeros(SHAPE, dtype=bool)
    region[10:14, 10:14, 10:14] = True
    region[14:18, 14:18, 10:14] = True  # an edge in common
    assert len(check_bodies(label_map(region), 1).bodies) == 2
    region = np.zeros(SHAPE, dtype=bool)
    region[10:20, 10:20, 10:20] = True
    region[11:19, 11:19, 11:19] = False
    region[10, 10, 10:20] = (
        False  # an edge of the shell is open; the cavity reaches it through edges of voxels
    )
    assert check_bodies(label_map(region), 1).is_sound


def test_a_label_at_the_border_of_the_image() -> None:
    region = np.zeros(SHAPE, dtype=bool)
    region[0:10, 0:44, 0:48] = True
    region[0, 5, 5] = False  # a dent at the border, and no hole
    assert check_bodies(label_map(region), 1).is_sound


def test_another_label_inside_is_a_hole_of_this_one() -> None:
    given = label_map(ball((20, 22, 24), 10.0))
    given.labels[20, 22, 24] = 2
    assert [hole.voxels for hole in check_bodies(given, 1).holes] == [1]


def test_many_parts_are_not_all_listed() -> None:
    region = np.zeros(SHAPE, dtype=bool)
    region[::4, ::4, ::4] = True
    found = check_bodies(label_map(region), 1)
    assert len(found.bodies) == 10 * 11 * 12
    assert str(found).endswith("and 1316 more")
