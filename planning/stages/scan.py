"""The first stages: the scan, and the lumen in it."""

from __future__ import annotations

import numpy as np

from geometry.idealised.anatomy_file import load_anatomy
from geometry.idealised.phantom import voxelise
from geometry.imaging.image import Image, read, write
from geometry.imaging.label_map import LUMEN, write_labels
from geometry.segmentation.growing import segment_lumen
from hemoplan.errors import CaseError
from planning.digest import digest_code, digest_file, digest_model
from planning.ledger import Drafts, Ledger
from planning.pictures.saving import save_picture
from planning.pictures.slices import draw_slices
from planning.plan import Plan


def prepare_scan(plan: Plan, ledger: Ledger) -> None:
    """Read the scan, or voxelise the anatomy description."""
    source, run = plan.case.image, plan.run
    path = source.path if source.path is not None else source.anatomy
    assert path is not None  # the case holds exactly one of them
    if source.anatomy is not None and not source.anatomy.is_file():
        raise CaseError("there is no such anatomy description", where="image.anatomy", value=source.anatomy)

    def work(drafts: Drafts) -> str:
        image = read(path) if source.path is not None else voxelise(load_anatomy(path))
        write(drafts.of(run.scan), image)
        return _describe_image(image)

    ledger.perform(
        "scan",
        inputs={"image": digest_file(path), "code": digest_code("geometry")},
        outputs=[run.scan],
        work=work,
    )


def segment(plan: Plan, ledger: Ledger) -> None:
    """Find the lumen."""
    case, run = plan.case, plan.run
    names = run.labels.with_name("labels.json")

    def work(drafts: Drafts) -> str:
        image = read(run.scan)
        wanted = case.segmentation
        labels = segment_lumen(image, wanted.seed, lower=wanted.lower, upper=wanted.upper)
        write_labels(drafts.of(run.labels), labels)
        save_picture(draw_slices(image, labels), drafts.of(run.picture("segmentation")))
        volume = np.count_nonzero(labels.labels == LUMEN) * image.voxel_volume
        return f"lumen {1e6 * volume:.2f} mL"

    ledger.perform(
        "segmentation",
        inputs={
            "scan": digest_file(run.scan),
            "segmentation": digest_model(case.segmentation),
            "code": digest_code("geometry", "planning.pictures"),
        },
        outputs=[run.labels, names, run.picture("segmentation")],
        work=work,
    )


def _describe_image(image: Image) -> str:
    size = " × ".join(str(count) for count in image.voxels.shape)
    spacing = " × ".join(f"{1e3 * step:.2g}" for step in image.spacing)
    return f"{size} voxels of {spacing} mm"
