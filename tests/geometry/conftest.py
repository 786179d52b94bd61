"""The phantom of the shipped case, and what is made of it: built once for all tests."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from geometry.idealised.anatomy import Anatomy
from geometry.idealised.anatomy_file import load_anatomy
from geometry.idealised.phantom import voxelise
from geometry.imaging.image import Image
from geometry.imaging.label_map import LabelMap
from geometry.openings.cutting import cut_openings
from geometry.segmentation.growing import segment_lumen
from geometry.surfaces.extract import extract_surface
from geometry.surfaces.surface import Surface
from hemoplan.arrays import FloatArray
from hemoplan.case import Case
from hemoplan.case_file import load_case

CASE = Path(__file__).resolve().parents[2] / "cases" / "neonatal_coarctation"


@pytest.fixture(scope="session")
def case() -> Case:
    return load_case(CASE)


@pytest.fixture(scope="session")
def anatomy() -> Anatomy:
    return load_anatomy(CASE / "anatomy.toml")


@pytest.fixture(scope="session")
def scan(anatomy: Anatomy) -> Image:
    return voxelise(anatomy)


@pytest.fixture(scope="session")
def cover(anatomy: Anatomy) -> FloatArray:
    """Fraction of each voxel of the scan that the lumen covers."""
    alone = replace(anatomy, neighbours=(), ellipsoids=(), blood=1.0, background=0.0)
    return np.asarray(voxelise(alone, noise=0.0, blur=1.0e-7).voxels, dtype=np.float64)


@pytest.fixture(scope="session")
def lumen(scan: Image, case: Case) -> LabelMap:
    return segment_lumen(scan, case.segmentation.seed)


@pytest.fixture(scope="session")
def closed_surface(scan: Image, lumen: LabelMap) -> Surface:
    return extract_surface(scan, lumen)


@pytest.fixture(scope="session")
def open_surface(closed_surface: Surface, case: Case) -> Surface:
    return cut_openings(closed_surface, case.openings)
