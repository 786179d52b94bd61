"""The first stages: the scan, and the lumen in it."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path

import numpy as np

from geometry.idealised.anatomy_file import load_anatomy
from geometry.idealised.phantom import voxelise
from geometry.imaging.image import describe, read, write
from geometry.imaging.label_map import LUMEN, write_labels
from geometry.segmentation.outcome import Segmented
from geometry.segmentation.pipeline import segment as find_lumen
from geometry.segmentation.settings import settings_of
from hemoplan.case import Segmentation
from hemoplan.errors import CaseError
from planning.digest import digest_code, digest_file, digest_model
from planning.display import Display
from planning.ledger import Drafts, Ledger
from planning.pictures.saving import save_picture
from planning.pictures.slices import draw_slices
from planning.plan import Plan

_log = logging.getLogger(__name__)


def prepare_scan(plan: Plan, ledger: Ledger) -> None:
    """Read the scan, or voxelise the anatomy description; what identifies the patient stays behind."""
    source, run = plan.case.image, plan.run
    path = source.path if source.path is not None else source.anatomy
    assert path is not None  # a case with a surface does not come here
    if source.anatomy is not None and not source.anatomy.is_file():
        raise CaseError("there is no such anatomy description", where="image.anatomy", value=source.anatomy)

    def work(drafts: Drafts) -> str:
        if source.path is not None:
            image = read(path, series=source.series, phase=source.phase)
        else:
            image = voxelise(load_anatomy(path))
        write(drafts.of(run.scan), image)
        _log.info("scan: %s", describe(image))
        size = " × ".join(str(count) for count in image.voxels.shape)
        return f"{size} voxels of {' × '.join(f'{1e3 * step:.2g}' for step in image.spacing)} mm"

    ledger.perform(
        "scan",
        inputs={"image": digest_file(path), "source": digest_model(source), "code": digest_code("geometry")},
        outputs=[run.scan],
        work=work,
    )


def segment(plan: Plan, ledger: Ledger, display: Display, wanted: Segmentation) -> None:
    """Find the lumen, and leave what each step did and found beside it."""
    run = plan.run
    names = run.labels.with_name("labels.json")

    def work(drafts: Drafts) -> str:
        image = read(run.scan)
        found = find_lumen(image, settings_of(wanted))
        write_labels(drafts.of(run.labels), found.labels)
        if found.distance is not None:
            write(drafts.of(run.contour), found.distance)
        _write_findings(drafts.of(run.findings), found)
        save_picture(draw_slices(image, found.labels), drafts.of(run.picture("segmentation")))
        for finding in found.findings:
            display.warn(finding.message)
        volume = np.count_nonzero(found.labels.labels == LUMEN) * image.voxel_volume
        return f"lumen {1e6 * volume:.2f} mL"

    outputs = [run.labels, names, run.findings, run.picture("segmentation")]
    ledger.perform(
        "segmentation",
        inputs={
            "scan": digest_file(run.scan),
            "segmentation": digest_model(wanted),
            "labels": "none" if wanted.labels is None else digest_file(wanted.labels),
            "code": digest_code("geometry", "planning.pictures"),
        },
        outputs=[*outputs, run.contour] if wanted.method == "level-set" else outputs,
        work=work,
    )


def _write_findings(path: Path, found: Segmented) -> None:
    """Settings, steps and findings as JSON, in SI units; coordinates are RAS."""
    content = {
        "settings": asdict(found.settings),
        "steps": [asdict(step) for step in found.steps],
        "findings": [asdict(finding) for finding in found.findings],
    }
    path.write_text(json.dumps(content, indent=1, default=_plain) + "\n", encoding="utf-8")


def _plain(value: object) -> object:
    """Paths as text, and read-only mappings as dictionaries."""
    return str(value) if isinstance(value, Path) else dict(value)  # type: ignore[call-overload]
