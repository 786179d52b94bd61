"""DICOM series: what a folder holds, and which of it is meant."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from geometry.imaging.dicom_frames import DamagedFileError, Frame, read_frames
from geometry.imaging.dicom_phases import Phase, places, split_phases
from geometry.imaging.dicom_stack import stack
from geometry.imaging.lattice import Lattice
from geometry.imaging.phases import choose_phase
from geometry.imaging.plausibility import MILLIMETRE, format_lengths
from geometry.imaging.refusals import check_shape, refuse_vectors
from hemoplan.arrays import FloatArray
from hemoplan.errors import ImageError
from hemoplan.spelling import hint

VOLUME, DERIVED, LOCALISER, SINGLE, COLOUR, PLACELESS = (
    "volume",
    "derived",
    "localiser",
    "single image",
    "colour",
    "without position",
)
"""Kinds of series; only the first is chosen where nothing was said, only the first two can be read."""
MARKS_OF_DERIVED = ("DERIVED", "SECONDARY")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A series of DICOM images, without anything that names the patient.

    Attributes:
        number: Its number, where there is one.
        description: What the scanner or its operator called it.
        modality: CT, MR …
        uid: Its unique identifier, for folders where number and description are not enough.
        kind: `volume`, `derived`, `localiser`, `single image`, `colour` or `without position`.
        size: (3,) columns, rows and slices of each phase.
        spacing: (3,) distance of voxels [m], 0 where unknown.
        phases: Its images by moment.
    """

    number: int | None
    description: str
    modality: str
    uid: str
    kind: str
    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    phases: tuple[Phase, ...] = field(repr=False)

    def __str__(self) -> str:
        """One line for a list, such as `3: 'angio', CT, 312 slices, 0.35 × 0.35 × 0.6 mm`."""
        number = "no number" if self.number is None else f"{self.number}"
        parts = [f"{number}: '{self.description}'", self.modality, f"{self.size[2]} slices"]
        if all(self.spacing):
            parts.append(format_lengths(self.spacing))
        if len(self.phases) > 1:
            parts.append(f"{len(self.phases)} phases")
        if self.kind != VOLUME:
            parts.append(self.kind)
        return ", ".join(part for part in parts if part)


def list_series(folder: Path) -> tuple[Series, ...]:
    """All series of images below a folder (or in one file), by number; files that are no DICOM images are passed over.

    Raises:
        ImageError: There is no such folder.
    """
    if not folder.exists():
        raise ImageError("there is no such image", where=str(folder), remedy="check 'image.path'")
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else [folder]
    frames, damaged = list[Frame](), 0
    for path in files:
        try:
            frames += read_frames(path)
        except DamagedFileError:
            damaged += 1
    if damaged:
        _log.warning("%d damaged DICOM file(s) in %s are passed over", damaged, folder)
    series = [_describe(kind, part) for kind, part in _group(_drop_copies(frames))]
    return tuple(
        sorted(series, key=lambda each: (each.number is None, each.number or 0, each.description, each.uid))
    )


def read_dicom(path: Path, *, series: str | None = None, phase: int | None = None) -> Lattice:
    """Read one phase of one series of a folder, or of a multi-frame file.

    Args:
        path: Folder (searched with its subfolders) or file.
        series: Number, description or UID; needed where there are several volumes.
        phase: Number from 0; needed where there are several.

    Raises:
        ImageError: No series, several and none chosen, or one whose slices are missing, repeated or irregular.
    """
    where = str(path)
    found = list_series(path)
    if not found:
        raise ImageError(
            "the folder holds no DICOM series" if path.is_dir() else "cannot read the DICOM file",
            where=where,
            value=None if path.is_dir() else "no image, or damaged",
            expected="DICOM images",
            remedy="give the folder that the scanner or the archive exported, or a NIfTI, NRRD or MetaImage file",
        )
    chosen = choose_series(found, series, where=where)
    where = f"{where}, series {chosen.number}" if chosen.number is not None and len(found) > 1 else where
    _refuse_unsuitable(chosen, where)
    others = [
        f"{each.size[2]} ({each.kind})" for each in found if each.uid == chosen.uid and each is not chosen
    ]
    if others:
        _log.warning("%s: images of the series are not part of the volume: %s", where, ", ".join(others))
    names = [each.name for each in chosen.phases]
    return stack(chosen.phases[choose_phase(names, phase, where=where)].frames, where=where)


def choose_series(found: Sequence[Series], wanted: str | None, *, where: str) -> Series:
    """The series with a number, description or UID; without it the only volume.

    Derived images (projections, reformats) are taken only by name, or with a warning where there is nothing else.

    Raises:
        ImageError: None, or several, fit.
    """
    if wanted is None:
        fitting = [each for each in found if each.kind == VOLUME]
        if not fitting:
            fitting = [each for each in found if each.kind == DERIVED]
            if len(fitting) == 1:
                _log.warning("the only volume in %s is derived from other images: %s", where, fitting[0])
        fitting = fitting or (list(found) if len(found) == 1 else [])
    else:
        fitting = _match(found, wanted.strip())
    if len(fitting) == 1:
        if wanted is None and len(found) > 1:
            _log.info("chosen of %d series in %s: %s", len(found), where, fitting[0])
        return fitting[0]
    listed = "; ".join(_list(fitting or found))
    if not fitting:
        raise ImageError(
            "the folder holds no DICOM volume" if wanted is None else "there is no such DICOM series",
            where=where,
            value=listed if wanted is None else wanted,
            expected="a series of slices" if wanted is None else listed,
            remedy="export the series of thin slices" if wanted is None else _hint(found, wanted),
        )
    raise ImageError(
        "the folder holds several DICOM series",
        where=where,
        value=listed,
        expected="one series",
        remedy="choose one with 'image.series': its number, its description or its UID",
    )


def _match(found: Sequence[Series], wanted: str) -> list[Series]:
    tests = (
        lambda each: each.uid == wanted,
        lambda each: str(each.number) == wanted,
        lambda each: each.description.casefold() == wanted.casefold(),
    )
    for test in tests:
        fitting = [each for each in found if test(each)]
        # Parts of one series that are no volumes do not make its number ambiguous.
        volumes = [each for each in fitting if each.kind in (VOLUME, DERIVED)]
        if fitting:
            return volumes or fitting
    return []


def _hint(found: Iterable[Series], wanted: str) -> str:
    known = [each.description for each in found if each.description]
    return hint(wanted, known) if known else "choose by number"


def _list(series: Sequence[Series]) -> Iterator[str]:
    """Lines of a list, with the UID where the rest does not tell them apart."""
    names = [(each.number, each.description.casefold()) for each in series]
    for each, name in zip(series, names, strict=True):
        yield f"{each} (UID {each.uid})" if names.count(name) > 1 else str(each)


def _refuse_unsuitable(series: Series, where: str) -> None:
    if series.kind == COLOUR:
        refuse_vectors(series.phases[0].frames[0].header.samples, where=where)
    if series.kind == SINGLE:
        check_shape((*series.size[:2], 1), where=where)
    if series.kind == PLACELESS:
        raise ImageError(
            "the DICOM series does not say where its images lie",
            where=where,
            value=str(series),
            expected="position, orientation and pixel spacing for each image",
            remedy="export the original series, not a film or a screen capture",
        )
    if series.kind == LOCALISER:
        raise ImageError(
            "the DICOM series is a localiser",
            where=where,
            value=str(series),
            expected="a series of slices",
            remedy="choose another with 'image.series'",
        )


def _drop_copies(frames: Iterable[Frame]) -> list[Frame]:
    """Frames without those of files that are in the folder twice."""
    kept: dict[tuple[str, int], Frame] = {}
    for frame in frames:
        kept.setdefault((frame.header.instance or str(frame.header.path), frame.index), frame)
    return list(kept.values())


def _group(frames: Iterable[Frame]) -> Iterator[tuple[str, list[Frame]]]:
    """Frames by series and kind; magnitudes and phases of one series apart."""
    groups: dict[tuple[object, ...], list[Frame]] = defaultdict(list)
    for frame in frames:
        header = frame.header
        identity = header.series_uid or (header.series_number, header.description)
        groups[identity, _kind(frame)].append(frame)
    for (_, kind), group in groups.items():
        for part in _split_types(group) if kind in (VOLUME, DERIVED) else [group]:
            alone = kind in (VOLUME, DERIVED) and len(part) < 2
            yield SINGLE if alone else str(kind), part


def _split_types(frames: list[Frame]) -> list[list[Frame]]:
    """Frames by image type, where several types show the same places."""
    types: dict[tuple[str, ...], list[Frame]] = defaultdict(list)
    for frame in frames:
        types[frame.kind].append(frame)
    parts = list(types.values())
    shown = [{tuple(np.round(frame.position, 2)) for frame in part} for part in parts]  # type: ignore[arg-type]
    if len(parts) > 1 and all(len(part) > 1 and part == shown[0] for part in shown):
        return parts
    return [frames]


def _kind(frame: Frame) -> str:
    if frame.header.samples != 1:
        return COLOUR
    if "LOCALIZER" in frame.kind:
        return LOCALISER
    if frame.position is None or frame.orientation is None or frame.spacing is None:
        return PLACELESS
    return DERIVED if any(mark in frame.kind[:2] for mark in MARKS_OF_DERIVED) else VOLUME


def _describe(kind: str, frames: list[Frame]) -> Series:
    header = frames[0].header
    readable = kind in (VOLUME, DERIVED)
    phases = split_phases(frames) if readable else (Phase(name="", frames=tuple(frames)),)
    spacing: FloatArray = np.zeros(3)
    if readable and frames[0].spacing is not None:
        steps = np.diff(np.sort(places(phases[0].frames)))
        spacing = MILLIMETRE * np.array([*frames[0].spacing, float(np.median(steps))])
    x, y, z = (float(value) for value in spacing)
    return Series(
        number=header.series_number,
        description=header.description,
        modality=header.modality,
        uid=header.series_uid,
        kind=kind,
        size=(header.columns, header.rows, len(phases[0].frames)),
        spacing=(x, y, z),
        phases=phases,
    )
