"""From the slices of a DICOM series to a volume: nothing missing, nothing twice, all of one kind."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from geometry.imaging.dicom_frames import Frame
from geometry.imaging.dicom_phases import SAME_DIRECTION, places, rank_places
from geometry.imaging.dicom_pixels import PixelError, read_pixels
from geometry.imaging.itk_file import TO_RAS
from geometry.imaging.lattice import FloatVoxels, Lattice
from geometry.imaging.plausibility import MILLIMETRE, format_lengths, format_point
from geometry.imaging.refusals import check_shape
from hemoplan.arrays import FloatArray
from hemoplan.errors import ImageError

SAME_SPACING = 1.0e-3
"""Largest relative difference of pixel spacings that count as the same."""
IRREGULAR = 0.1
"""Largest distance of a slice from its place on a regular grid, in slice distances or pixels: what rounding gives."""
ROUNDED = 0.06
"""The same [mm] for thin slices, whose positions some scanners round to a tenth of a millimetre."""
GAP = 1.5
"""Slices further apart than this many usual distances have others missing between them."""
MOST_LISTED = 3
"""More places than this are not all listed in an error."""


def stack(frames: Sequence[Frame], *, where: str) -> Lattice:
    """Slices of one moment as a lattice, whose last step is oblique for a tilted gantry.

    Raises:
        ImageError: Slices are missing, twice, irregular, or differ in size, spacing or direction, or cannot be read.
    """
    check_shape((frames[0].header.columns, frames[0].header.rows, len(frames)), where=where)
    _check_planes(frames, where)
    along = places(frames)
    order = np.argsort(along, kind="stable")
    frames, along = [frames[index] for index in order], along[order]
    positions = np.array([frame.position for frame in frames], dtype=np.float64)
    _check_repeats(frames, along, where)
    _check_distances(frames, along, where)
    start, step = _fit_line(frames, positions, where)
    first = frames[0]
    assert first.orientation is not None and first.spacing is not None  # series without are not volumes
    steps = np.column_stack([*(first.orientation * first.spacing[:, None]), step])
    return Lattice(
        voxels=_read_voxels(frames, where),
        origin=MILLIMETRE * TO_RAS * start,
        steps=MILLIMETRE * TO_RAS[:, None] * steps,
    )


def _check_planes(frames: Sequence[Frame], where: str) -> None:
    """All slices have the same size, spacing and direction."""
    sizes = Counter((frame.header.columns, frame.header.rows) for frame in frames)
    if len(sizes) > 1:
        raise ImageError(
            "the slices of the series differ in size",
            where=where,
            value=", ".join(
                f"{count} of {x} × {y} pixels" for (x, y), count in sizes.most_common(MOST_LISTED)
            ),
            expected="one size",
            remedy="export each of them as a series of its own",
        )
    usual, first = _usual_directions(frames)
    for frame in frames:
        assert frame.orientation is not None and frame.spacing is not None
        if np.abs(frame.orientation - usual).max() > SAME_DIRECTION:
            raise ImageError(
                "the slices of the series have different directions",
                where=where,
                value=f"{first} of {len(frames)} slices agree, the one at {_place(frame)} does not",
                expected="parallel slices",
                remedy="choose another series with 'image.series', or export the volume without its localiser",
            )
    lengths = np.linalg.norm(usual, axis=1)
    if np.any(np.abs(lengths - 1.0) > SAME_DIRECTION) or abs(float(usual[0] @ usual[1])) > SAME_DIRECTION:
        raise ImageError(
            "the directions of the slices are not perpendicular unit vectors",
            where=where,
            value=np.round(usual, 4).tolist(),
            remedy="export the series again",
        )
    spacings = np.array([frame.spacing for frame in frames], dtype=np.float64)
    differing = np.flatnonzero(
        np.any(np.abs(spacings - spacings[0]) > SAME_SPACING * np.abs(spacings[0]), axis=1)
    )
    if len(differing):
        other = int(differing[0])
        raise ImageError(
            "the slices of the series differ in pixel spacing",
            where=where,
            value=f"{format_lengths(MILLIMETRE * spacings[0])}, but {format_lengths(MILLIMETRE * spacings[other])} "
            f"at {_place(frames[other])}",
            expected="one pixel spacing",
            remedy="export each of them as a series of its own",
        )


def _usual_directions(frames: Sequence[Frame]) -> tuple[FloatArray, int]:
    """The directions that most slices have, and how many those are."""
    every = np.array([frame.orientation for frame in frames], dtype=np.float64)
    rounded = np.round(every.reshape(len(frames), 6) / SAME_DIRECTION)
    _, representatives, counts = np.unique(rounded, axis=0, return_index=True, return_counts=True)
    most = int(np.argmax(counts))
    return every[representatives[most]], int(counts[most])


def _check_repeats(frames: Sequence[Frame], along: FloatArray, where: str) -> None:
    ranks = rank_places(along)
    repeated = np.flatnonzero(np.bincount(ranks) > 1)
    if len(repeated):
        listed = [_place(frames[int(np.flatnonzero(ranks == rank)[0])]) for rank in repeated[:MOST_LISTED]]
        raise ImageError(
            "slices lie at the same place and nothing tells them apart",
            where=where,
            value=f"{len(repeated)} of {int(ranks[-1]) + 1} places, at {_join(listed, len(repeated))}",
            expected="one slice at each place",
            remedy="export the series again, into an empty folder",
        )


def _check_distances(frames: Sequence[Frame], along: FloatArray, where: str) -> None:
    """No slice is missing, and distances are regular."""
    distances = np.diff(along)
    usual = float(np.median(distances))
    wide = np.flatnonzero(distances > GAP * usual)
    times = distances[wide] / usual
    if len(wide) and np.all(np.abs(times - np.rint(times)) < 2.0 * IRREGULAR * times):
        missing = int(np.sum(np.rint(times) - 1))
        listed = [f"{_place(frames[gap])} and {_place(frames[gap + 1])}" for gap in wide[:MOST_LISTED]]
        raise ImageError(
            f"{missing} {'slice is' if missing == 1 else 'slices are'} missing from the series",
            where=where,
            value=f"between {_join(listed, len(wide), ', between ')}",
            expected=f"a slice every {usual:.3g} mm",
            remedy="export or copy the series again",
        )
    numbers = np.arange(len(along)) - 0.5 * (len(along) - 1)
    regular = along.mean() + numbers * (numbers @ along) / (numbers @ numbers)
    worst = int(np.argmax(np.abs(along - regular)))
    if abs(along[worst] - regular[worst]) > max(IRREGULAR * usual, ROUNDED):
        raise ImageError(
            "the distance of the slices varies",
            where=where,
            value=f"{distances.min():.3g} to {distances.max():.3g} mm, "
            f"{abs(along[worst] - regular[worst]):.2g} mm off a regular grid at {_place(frames[worst])}",
            expected="slices at regular distances",
            remedy="choose the regular reconstruction of the scan, or resample it with your image software",
        )


def _fit_line(frames: Sequence[Frame], positions: FloatArray, where: str) -> tuple[FloatArray, FloatArray]:
    """(3,) place of the first slice and (3,) step from slice to slice [mm], from all of them."""
    numbers = np.arange(len(positions)) - 0.5 * (len(positions) - 1)
    centre = positions.mean(axis=0)
    step: FloatArray = numbers @ (positions - centre) / float(numbers @ numbers)
    spacing = np.array([frame.spacing for frame in frames], dtype=np.float64)
    off = np.linalg.norm(positions - (centre + numbers[:, None] * step), axis=1)
    worst = int(np.argmax(off))
    if off[worst] > IRREGULAR * max(float(np.linalg.norm(step)), float(np.min(spacing))):
        raise ImageError(
            "the slices of the series are shifted against each other",
            where=where,
            value=f"{off[worst]:.2g} mm off a straight stack at {_place(frames[worst])}",
            expected="slices along one direction",
            remedy="export the series without corrections of motion, or resample it with your image software",
        )
    return centre + numbers[0] * step, step


def _read_voxels(frames: Sequence[Frame], where: str) -> FloatVoxels:
    """(columns, rows, slices) intensities, each slice with its own rescaling."""
    header = frames[0].header
    voxels = np.empty((len(frames), header.rows, header.columns), dtype=np.float32)
    wanted = defaultdict(list)
    for number, frame in enumerate(frames):
        wanted[frame.header.path].append((number, frame))
    for path, members in wanted.items():
        try:
            stored = read_pixels(path)
            for number, frame in members:
                voxels[number] = stored[frame.index] * np.float64(frame.slope) + frame.intercept
        except (PixelError, IndexError, ValueError) as error:
            raise ImageError(
                "cannot read a slice of the DICOM series",
                where=where,
                value=f"{error if isinstance(error, PixelError) else 'cut off or damaged'}, "
                f"the slice at {_place(members[0][1])}",
                expected="a whole file with pixels",
                remedy="copy or export the series again",
            ) from None
    return voxels.transpose()


def _place(frame: Frame) -> str:
    """Centre of a slice in world coordinates, for errors."""
    assert frame.position is not None and frame.orientation is not None and frame.spacing is not None
    half = 0.5 * np.array([frame.header.columns - 1, frame.header.rows - 1]) * frame.spacing
    return format_point(MILLIMETRE * TO_RAS * (frame.position + half @ frame.orientation))


def _join(listed: list[str], count: int, mark: str = ", ") -> str:
    return mark.join(listed) + (f" and {count - len(listed)} more" if count > len(listed) else "")
