"""What ITK reads beside the formats that are read here: one volume and where its voxels lie."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import SimpleITK

from geometry.imaging.lattice import Lattice
from geometry.imaging.phases import choose_phase
from geometry.imaging.plausibility import MILLIMETRE
from geometry.imaging.refusals import check_shape, refuse_missing_spacing, refuse_vectors
from hemoplan.errors import ImageError

TO_RAS = np.array([-1.0, -1.0, 1.0])
"""DICOM and ITK count x to the left and y to the back (LPS), everything here to the right and to the front (RAS)."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep ITK's own warnings, which could repeat what stands in a header, from the terminal."""
    before = SimpleITK.ProcessObject.GetGlobalWarningDisplay()
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        SimpleITK.ProcessObject.SetGlobalWarningDisplay(before)


def read_itk(path: Path, *, phase: int | None = None) -> Lattice:
    """Read one volume of a file of another format, such as GIPL, MRC or a stack of TIFF pages.

    Raises:
        ImageError: The file cannot be read, is no volume, has no spacing, colours, or phases and none is chosen.
    """
    where = str(path)
    try:
        with quiet():
            source = SimpleITK.ReadImage(where)
    except RuntimeError:
        raise ImageError(
            "cannot read the image",
            where=where,
            value="cut off, damaged, or of another format",
            expected="NIfTI, NRRD, MetaImage, or DICOM",
            remedy="copy or export the file again",
        ) from None
    if source.GetNumberOfComponentsPerPixel() != 1:
        refuse_vectors(source.GetNumberOfComponentsPerPixel(), where=where)
    size = source.GetSize()
    check_shape(size[:3], where=where)
    if source.GetDimension() > 4:
        refuse_vectors(int(np.prod(size[4:])), where=where)
    if set(source.GetSpacing()) == {1.0}:
        refuse_missing_spacing(where)
    names = [f"volume {number + 1}" for number in range(size[3] if len(size) > 3 else 1)]
    chosen = choose_phase(names, phase, where=where)
    every = SimpleITK.GetArrayViewFromImage(source)
    voxels = np.array(every[chosen] if len(size) > 3 else every)
    direction = np.array(source.GetDirection()).reshape(len(size), len(size))[:3, :3]
    return Lattice(
        voxels=voxels.transpose(),
        origin=MILLIMETRE * TO_RAS * np.array(source.GetOrigin()[:3]),
        steps=MILLIMETRE * TO_RAS[:, None] * direction * np.array(source.GetSpacing()[:3]),
    )


def last_line(error: Exception) -> str:
    """What a library's error says at its end."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
