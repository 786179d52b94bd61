"""One camera for all pictures of a case: level, head up, turned to where the vessels spread widest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemoplan.arrays import FloatArray, Vec3

_MARGIN = 1.12


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A camera without perspective.

    Attributes:
        focus: Point in the middle of the picture [m].
        direction: Unit vector from the eye into the picture.
        up: Unit vector that points up in the picture.
        half_width, half_height: Half the size of what the picture must hold [m].
    """

    focus: Vec3
    direction: Vec3
    up: Vec3
    half_width: float
    half_height: float

    @property
    def right(self) -> Vec3:
        """Unit vector that points right in the picture."""
        return _vector(np.cross(self.direction, self.up))

    @property
    def standpoint(self) -> str:
        """Where the eye stands, in the patient's terms: `left front`."""
        towards = -np.asarray(self.direction)
        parts = []
        for axis, (negative, positive) in enumerate(
            (("left", "right"), ("back", "front"), ("below", "above"))
        ):
            if abs(towards[axis]) > 0.38:
                parts.append(positive if towards[axis] > 0.0 else negative)
        return " ".join(parts)

    def scale_for(self, aspect: float) -> float:
        """Half the height of a picture [m] of a given width : height that holds everything."""
        return max(self.half_height, self.half_width / aspect)

    def project(self, points: FloatArray, *, aspect: float) -> FloatArray:
        """(n, 2) places of (n, 3) points in a picture of a given width : height.

        (0, 0) is the picture's lower left corner, (1, 1) its upper right corner.
        """
        offset = np.asarray(points) - np.asarray(self.focus)
        height = self.scale_for(aspect)
        across = offset @ np.asarray(self.right) / (height * aspect)
        upward = offset @ np.asarray(self.up) / height
        return np.asarray(0.5 + 0.5 * np.column_stack([across, upward]))


def choose_camera(points: FloatArray, *, direction: Vec3 | None = None) -> Camera:
    """The camera that shows points best.

    It stays level with +z (the head) up and turns about z until the horizontal axis along which the points
    spread widest lies in the picture; of the two sides it takes the one that has the patient's right on the
    left of the picture, as in every angiogram. Vessels that lie in a transverse plane are seen from the feet, the
    front up, as in every axial slice.

    Args:
        points: (n, 3) points of all variants, RAS [m].
        direction: Direction of view to use instead.
    """
    points = np.asarray(points, dtype=np.float64)
    up = np.array([0.0, 0.0, 1.0])
    if direction is None and _is_transverse(points):
        direction = (0.0, 0.0, 1.0)
    if direction is None:
        horizontal = points[:, :2] - points[:, :2].mean(axis=0)
        _, axes = np.linalg.eigh(horizontal.T @ horizontal)
        right = np.array([*axes[:, 1], 0.0])
        # What runs straight to the back has no left or right of its own: its back goes to the right.
        if right[0] > 1e-9 or (abs(right[0]) <= 1e-9 and right[1] > 0.0):
            right = -right
        view = np.cross(up, right)
    else:
        view = np.asarray(direction) / np.linalg.norm(direction)
        if abs(view @ up) > 0.99:
            up = np.array([0.0, 1.0, 0.0])
        up = up - (up @ view) * view
        up /= np.linalg.norm(up)
        right = np.cross(view, up)
    across, upward = points @ right, points @ up
    middle = 0.5 * (points.min(axis=0) + points.max(axis=0))
    focus = (
        0.5 * (across.min() + across.max()) * right
        + 0.5 * (upward.min() + upward.max()) * up
        + (middle @ view) * view
    )
    return Camera(
        focus=_vector(focus),
        direction=_vector(view),
        up=_vector(up),
        half_width=_MARGIN * 0.5 * float(np.ptp(across)),
        half_height=_MARGIN * 0.5 * float(np.ptp(upward)),
    )


def _is_transverse(points: FloatArray) -> bool:
    """Whether the points spread least along z, as in a scan whose z axis is not the body's."""
    offsets = points - points.mean(axis=0)
    _, axes = np.linalg.eigh(offsets.T @ offsets)
    return bool(abs(axes[2, 0]) > 0.8)


def _vector(values: NDArray[np.floating]) -> Vec3:
    x, y, z = (float(value) for value in values)
    return (x, y, z)
