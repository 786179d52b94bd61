"""Settings: what every step of a segmentation is told, as one tree of plain data that a run folder can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from hemoplan.arrays import Vec3
from hemoplan.case import Segmentation


class Method(StrEnum):
    """How the edge of the lumen is found."""

    GROWING = "growing"
    LEVEL_SET = "level-set"


@dataclass(frozen=True, slots=True, kw_only=True)
class Growing:
    """Region growing at the half maximum.

    Attributes:
        lower: Lowest intensity of the lumen; the half maximum where absent.
        upper: Highest intensity of the lumen; unlimited where absent.
        rounds: Most rounds of growing and measuring again with one level for the whole lumen …
        settled: … which end when the level changes by less than this share of the contrast …
        local_rounds: … and rounds with a level that changes from place to place.
    """

    lower: float | None = None
    upper: float | None = None
    rounds: int = 8
    settled: float = 0.005
    local_rounds: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaks:
    """What counts as a leak. Levels are shares of the contrast between lumen and background.

    Attributes:
        pass_level: A body behind a pass that is lower than this may be another vessel …
        least_voxels: … if it has so many voxels …
        least_depth: … and is so many voxels deep: what is thinner is a small branch.
        dimmer: A body that is dimmer than the lumen before the pass by this share is another tissue.
        undecided_share: Stop where it cannot be told whether a body is a leak and it is larger than this share of
            the lumen.
        continuation: How low a way is looked for on which the vessel may go on, below the half maximum.
        cut: Remove clear leaks; otherwise they are errors.
    """

    pass_level: float = 0.8
    least_voxels: int = 200
    least_depth: int = 3
    dimmer: float = 0.2
    undecided_share: float = 0.3
    continuation: float = 0.2
    cut: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Vesselness:
    """Thin vessels that region growing loses, found by their tubular shape.

    Attributes:
        scales: Standard deviations of the Gaussians [m]; a vessel of radius R answers most at R / sqrt(2).
        response: Least answer, as share of the contrast; a tube that is not blurred answers with 0.37 at most.
        share: Least brightness, as share of the contrast.
        least_length: Shorter pieces are dropped [m].
    """

    scales: tuple[float, ...] = (0.7e-3, 1.0e-3, 1.4e-3, 2.0e-3)
    response: float = 0.1
    share: float = 0.25
    least_length: float = 3.0e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSet:
    """Geodesic active contour, from the grown region.

    Attributes:
        iterations: Most steps.
        curvature: Weight of the curvature, in voxels: how strongly the contour is kept smooth.
        advection: Weight of the pull towards the steepest place of the edge.
        settled: Ends when the contour moves by less than this a step [voxels].
    """

    iterations: int = 200
    curvature: float = 0.1
    advection: float = 1.0
    settled: float = 1.0e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """Clean-up of the voxels.

    Attributes:
        spurs: Drop side branches thinner than three voxels, which the image does not resolve.
        holes: Fill enclosed holes.
        resolved: A place narrower than so many voxels is reported as not resolved.
    """

    spurs: bool = True
    holes: bool = True
    resolved: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A label map made elsewhere.

    Attributes:
        path: The file.
        label: Name or number of the lumen in it; not needed where there is only one.
    """

    path: Path
    label: str | int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A segmenter that is installed beside hemoplan.

    Attributes:
        name: Its name.
        label: Name or number of the lumen in what it returns.
    """

    name: str
    label: str | int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the lumen is found: from seeds, from a label map, or by a plugin.

    Attributes:
        seeds: A point inside each vessel, by name: world coordinates (RAS) [m].
        method: How the edge is found from seeds.
        imported: A label map instead of seeds.
        plugin: A learned segmenter instead of seeds.
        growing: Region growing.
        leaks: What counts as a leak; not looked for where absent.
        vesselness: Recovery of thin vessels; left out where absent.
        level_set: The level set, for `method` level-set.
        cleaning: Clean-up.
    """

    seeds: Mapping[str, Vec3] = field(default_factory=lambda: MappingProxyType({}))
    method: Method = Method.GROWING
    imported: Imported | None = None
    plugin: Plugin | None = None
    growing: Growing = Growing()
    leaks: Leaks | None = Leaks()
    vesselness: Vesselness | None = None
    level_set: LevelSet = LevelSet()
    cleaning: Cleaning = Cleaning()


def settings_of(wanted: Segmentation) -> Settings:
    """The settings that a case file asks for."""
    return Settings(
        seeds=wanted.points,
        method=Method(wanted.method),
        imported=None if wanted.labels is None else Imported(path=wanted.labels, label=wanted.label),
        plugin=None if wanted.plugin is None else Plugin(name=wanted.plugin, label=wanted.label),
        growing=Growing(lower=wanted.lower, upper=wanted.upper),
        vesselness=Vesselness() if wanted.vesselness else None,
    )
