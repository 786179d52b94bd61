"""Errors that a user can cause or must know of: what, where, the value, what was expected, what to do.

The command line prints them without a traceback and exits with `exit_code`. Everything else is a defect of
hemoplan.
"""

from __future__ import annotations


class HemoplanError(Exception):
    """Base of all errors that are addressed to the user.

    Args:
        what: One clause that says what is wrong.
        where: File, case key, stage, patch or cell that it concerns.
        value: The offending value, as the user wrote it.
        expected: What would have been right.
        remedy: What the user can do now.
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        value: object = None,
        expected: str = "",
        remedy: str = "",
    ) -> None:
        self.what = what
        self.where = where
        self.value = value
        self.expected = expected
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"[{self.where}] {self.what}" if self.where else self.what
        if self.value is not None:
            text += f" (value: {self.value})"
        if self.expected:
            text += f"; expected {self.expected}"
        if self.remedy:
            text += f". {self.remedy[0].upper()}{self.remedy[1:]}"
        return text


class CaseError(HemoplanError):
    """The case file is wrong: unknown key or name, missing unit, wrong dimension, value out of range."""

    exit_code = 2


class ImageError(HemoplanError):
    """The image is missing, empty, has no spacing or cannot be read."""

    exit_code = 3


class SegmentationError(HemoplanError):
    """The lumen cannot be found from the given seed and limits."""

    exit_code = 3


class SurfaceError(HemoplanError):
    """The surface is not closed, not orientable, self-intersecting or has the wrong openings."""

    exit_code = 4


class VariantError(HemoplanError):
    """A surgical edit cannot be made or gives an impossible vessel."""

    exit_code = 4


class MeshError(HemoplanError):
    """The volume mesh cannot be made, or is too poor to compute on."""

    exit_code = 5


class BoundaryError(HemoplanError):
    """A boundary condition names a patch that does not exist, is missing or cannot be balanced."""

    exit_code = 6


class CalibrationError(HemoplanError):
    """The lumped parameters cannot be tuned to the child's data."""

    exit_code = 6


class DivergenceError(HemoplanError):
    """The flow solution has become NaN or grows without bound, or a linear solver did not converge."""

    exit_code = 7


class ResourceError(HemoplanError):
    """Disk full, no permission, a missing program or package."""

    exit_code = 8


class InterruptedRunError(HemoplanError):
    """The run was stopped from outside; what was finished is kept and the same command resumes."""

    exit_code = 9
