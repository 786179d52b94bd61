from __future__ import annotations

import numpy as np
import pytest

from planning.report.camera import choose_camera

CORNERS = np.array([[x, y, z] for x in (-1.0, 1.0) for y in (-0.1, 0.1) for z in (-2.0, 2.0)])


def test_the_patients_right_is_on_the_left_and_the_head_is_up() -> None:
    camera = choose_camera(CORNERS)
    assert camera.right == pytest.approx((-1.0, 0.0, 0.0), abs=1e-9)
    assert camera.up == pytest.approx((0.0, 0.0, 1.0), abs=1e-9)
    assert camera.direction == pytest.approx((0.0, -1.0, 0.0), abs=1e-9)
    assert camera.standpoint == "front"


@pytest.mark.parametrize("angle", [20.0, 70.0, 110.0, 160.0])
def test_the_camera_turns_to_the_widest_view(angle: float) -> None:
    turn = np.deg2rad(angle)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    camera = choose_camera(CORNERS @ rotation.T)
    assert abs(np.dot(camera.right, rotation @ [1.0, 0.0, 0.0])) == pytest.approx(1.0)
    assert camera.right[0] < 0.0
    assert camera.half_width == pytest.approx(1.12)
    assert camera.half_height == pytest.approx(2.24)


@pytest.mark.parametrize("aspect", [0.3, 1.0, 3.0])
def test_every_point_lies_in_the_picture(aspect: float) -> None:
    places = choose_camera(CORNERS).project(CORNERS, aspect=aspect)
    assert (places > 0.0).all() and (places < 1.0).all()


def test_vessels_in_a_transverse_plane_are_seen_from_the_feet_with_the_front_up() -> None:
    camera = choose_camera(CORNERS[:, [0, 2, 1]])
    assert camera.direction == pytest.approx((0.0, 0.0, 1.0))
    assert camera.up == pytest.approx((0.0, 1.0, 0.0))
    assert camera.right == pytest.approx((-1.0, 0.0, 0.0))


def test_a_given_direction_is_taken() -> None:
    camera = choose_camera(CORNERS, direction=(2.0, 0.0, 0.0))
    assert camera.direction == pytest.approx((1.0, 0.0, 0.0))
    assert camera.standpoint == "left"
    assert camera.right == pytest.approx((0.0, -1.0, 0.0))
