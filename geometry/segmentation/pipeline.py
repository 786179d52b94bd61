"""The pipeline from a scan to the voxels of the lumen, step by step, with what each of them found."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import numpy as np

from geometry.imaging.image import Image
from geometry.imaging.label_map import LUMEN, LabelMap, choose_label, read_labels, resample_labels
from geometry.segmentation.bridges import bridge_seeds
from geometry.segmentation.cleaning import drop_spurs, fill_holes, find_unresolved
from geometry.segmentation.contrast import measure_noise
from geometry.segmentation.growing import Grown, check_size, grow, label_lumen
from geometry.segmentation.leaks import cut_leaks
from geometry.segmentation.level_set import settle_contour
from geometry.segmentation.outcome import Finding, Progress, Segmented, Step
from geometry.segmentation.plugins import run_segmenter
from geometry.segmentation.settings import Method, Settings
from geometry.segmentation.vesselness import recover_thin_vessels
from hemoplan.errors import SegmentationError

_log = logging.getLogger(__name__)


class _Record:
    """Steps and findings as they come."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self.steps: list[Step] = []
        self.findings: list[Finding] = []

    def step[Result](
        self, name: str, work: Callable[[], Result], describe: Callable[[Result], str]
    ) -> Result:
        """Do one step and write down what came of it."""
        if self.progress is not None:
            self.progress(name)
        start = time.perf_counter()
        result = work()
        self.steps.append(Step(name=name, outcome=describe(result), seconds=time.perf_counter() - start))
        return result

    def found(self, findings: tuple[Finding, ...]) -> None:
        """Keep findings and log them."""
        self.findings += findings
        for finding in findings:
            _log.warning("%s", finding.message)


def segment(image: Image, settings: Settings, *, progress: Progress | None = None) -> Segmented:
    """Find the lumen in a scan.

    Args:
        image: The scan.
        settings: Seeds, a label map or a plugin, and what each step is told.
        progress: Called with the name of each step as it begins.

    Returns:
        The lumen as label 1, the steps, and what a person should look at.

    Raises:
        ImageError: A label map cannot be read, or has no such label.
        ResourceError: A plugin is not installed.
        SegmentationError: The image is constant, a seed is not in a vessel, seeds are not connected, the lumen leaks
            or is too small, or a plugin fails.
    """
    record = _Record(progress)
    if settings.imported is not None or settings.plugin is not None:
        labels = _take_over(image, settings, record)
        return Segmented(
            labels=labels, settings=settings, steps=tuple(record.steps), findings=tuple(record.findings)
        )
    _check_image(image)
    return _find(image, settings, record)


def _find(image: Image, settings: Settings, record: _Record) -> Segmented:
    """Grow, cut leaks, clean, recover thin vessels, settle the edge."""
    level = settings.growing.lower
    grown = record.step("region growing", lambda: grow(image, settings.seeds, settings.growing), _describe)
    if len(settings.seeds) > 1:
        grown, findings = record.step(
            "bridges", lambda: bridge_seeds(grown, tuple(settings.seeds)), lambda result: _describe(result[0])
        )
        record.found(findings)
    if settings.leaks is not None:
        leaks = settings.leaks
        grown, findings = record.step(
            "leak detection", lambda: cut_leaks(grown, leaks), lambda result: _describe(result[0])
        )
        record.found(findings)
    grown = record.step("clean-up", lambda: _clean(grown, settings, record), _describe)
    if settings.vesselness is not None:
        thin = settings.vesselness
        grown, findings = record.step(
            "thin vessels", lambda: recover_thin_vessels(grown, thin), lambda result: _describe(result[0])
        )
        record.found(findings)
    distance = None
    if settings.method is Method.LEVEL_SET:
        grown, distance, _ = record.step(
            "level set",
            lambda: settle_contour(grown, settings.level_set),
            lambda result: f"{_describe(result[0])} after {result[2]} steps",
        )
    check_size(grown)
    record.found(find_unresolved(grown.image, grown.region, resolved=settings.cleaning.resolved))
    return Segmented(
        labels=label_lumen(image, grown, level=level),
        settings=settings,
        steps=tuple(record.steps),
        findings=tuple(record.findings),
        distance=distance,
    )


def _clean(grown: Grown, settings: Settings, record: _Record) -> Grown:
    region = grown.region
    if settings.cleaning.spurs:
        region, findings = drop_spurs(grown.image, region, grown.seeds)
        record.found(findings)
    return grown.with_region(fill_holes(region) if settings.cleaning.holes else region)


def _take_over(image: Image, settings: Settings, record: _Record) -> LabelMap:
    """The lumen of a label map that was made elsewhere, on the grid of the scan."""
    if settings.imported is not None:
        path, label, where = settings.imported.path, settings.imported.label, "segmentation.labels"
        made = record.step("label map", lambda: read_labels(path), lambda result: f"read from {path.name}")
    else:
        assert settings.plugin is not None
        name, label, where = settings.plugin.name, settings.plugin.label, "segmentation.plugin"
        made = record.step(
            "plugin", lambda: run_segmenter(name, image), lambda result: f"segmented by {name}"
        )
    chosen = choose_label(made, label, where=where)
    lumen = LabelMap(
        labels=np.where(made.labels == chosen, np.uint8(LUMEN), np.uint8(0)),
        spacing=made.spacing,
        origin=made.origin,
        direction=made.direction,
        names={LUMEN: made.names.get(chosen, "lumen")},
        level=made.level,
    )
    return record.step(
        "grid of the scan",
        lambda: resample_labels(lumen, image, where=where),
        lambda result: f"{1e6 * np.count_nonzero(result.labels) * image.voxel_volume:.2f} mL",
    )


def _check_image(image: Image) -> None:
    low, high = float(image.voxels.min()), float(image.voxels.max())
    if not np.isfinite(high - low) or high - low <= 0.0:
        raise SegmentationError(
            "the image has no contrast",
            where="segmentation",
            value=f"intensities from {low:g} to {high:g}, noise {measure_noise(image):g}",
            expected="vessels that are brighter than their surroundings",
            remedy="check that the right series was exported",
        )


def _describe(grown: Grown) -> str:
    volume = np.count_nonzero(grown.region) * grown.image.voxel_volume
    return f"{1e6 * volume:.2f} mL"
