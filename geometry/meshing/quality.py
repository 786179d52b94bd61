"""How good a tetrahedral mesh is: edges, radius ratios, dihedral angles, aspect ratios, its layers and its volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.meshing.cell_shapes import measure_cells, signed_volumes
from hemoplan.arrays import FloatArray, IntArray

_BINS = 40
_MOST_STRETCHED = 40.0
"""End of the histogram of aspect ratios; what is beyond counts into its last bin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Counts of cells.

    Attributes:
        edges: (k + 1,) limits of the bins.
        counts: (k,) cells in each.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerReport:
    """What became of the boundary layers that were asked for.

    Attributes:
        count: Layers that were asked for.
        cells: Cells of all layers; they are the first cells of the mesh.
        full_share: Share of the wall's area, weighted by vertices, whose layers are as thick as asked (within 5 %), the
            limit by the local radius included.
        bare_share: Share of the wall's area without any layer.
        first_height_asked: Height of the cells at the wall that was asked for, where the radius does not limit it [m].
        first_height_mean, first_height_min: Heights achieved, where there are layers [m].
        thickness_mean: Mean thickness of all layers together, where there are layers [m].
        transition: Median over the wall of the height of a regular core cell over the height of the last layer: 1 is
            smooth, the growth ratio as smooth as the layers themselves.
    """

    count: int
    cells: int
    full_share: float
    bare_share: float
    first_height_asked: float
    first_height_mean: float
    first_height_min: float
    thickness_mean: float
    transition: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshQuality:
    """Sizes and shapes of the tetrahedra of a mesh.

    Attributes:
        cells: Tetrahedra.
        vertices: Mesh vertices.
        edge_min, edge_mean, edge_max: Edge lengths, each edge counted once for every cell that it bounds [m].
        radius_ratio_min, radius_ratio_p01, radius_ratio_mean: 3 r_in / r_out, 1 for a regular tetrahedron, 0 for a
            flat one; the smallest, the first percentile and the mean.
        dihedral_min, dihedral_max: Extreme angles between two faces of one tetrahedron [degrees].
        volume: Sum of the cells' volumes [m³].
        aspect_ratio_max, aspect_ratio_mean: Longest edge over smallest height, 1 for a regular tetrahedron.
        jacobian_min: Smallest of 6 V, over the mean of it: positive where no cell is inverted.
        volume_error: |volume - enclosed| / enclosed, with what the surface encloses; None where that is not known.
        core_radius_ratio_min, core_dihedral_min, core_dihedral_max: The same without the cells of the layers, which
            are flat on purpose.
        layers: What became of the boundary layers; None where none were asked for.
        radius_ratios, dihedrals, aspect_ratios: Histograms over the cells of radius ratio, smallest dihedral angle
            [degrees] and aspect ratio.
    """

    cells: int
    vertices: int
    edge_min: float
    edge_mean: float
    edge_max: float
    radius_ratio_min: float
    radius_ratio_p01: float
    radius_ratio_mean: float
    dihedral_min: float
    dihedral_max: float
    volume: float
    aspect_ratio_max: float
    aspect_ratio_mean: float
    jacobian_min: float
    volume_error: float | None
    core_radius_ratio_min: float
    core_dihedral_min: float
    core_dihedral_max: float
    layers: LayerReport | None
    radius_ratios: Histogram
    dihedrals: Histogram
    aspect_ratios: Histogram


def cell_volumes(points: FloatArray, tetrahedra: IntArray) -> FloatArray:
    """(m,) signed volumes [m³], positive where corner 3 lies on the side that corners 0, 1, 2 turn around."""
    return np.asarray(signed_volumes(np.ascontiguousarray(points), np.ascontiguousarray(tetrahedra)))


def radius_ratios(points: FloatArray, tetrahedra: IntArray) -> FloatArray:
    """(m,) 3 r_in / r_out of every tetrahedron, by the formulas in `geometry.meshing.cell_shapes`."""
    return measure_cells(points, tetrahedra).radius_ratio


def dihedral_angles(points: FloatArray, tetrahedra: IntArray) -> FloatArray:
    """(m, 2) smallest and largest angle between two faces [degrees]."""
    shapes = measure_cells(points, tetrahedra)
    return np.column_stack([shapes.dihedral_min, shapes.dihedral_max])


def measure_quality(
    points: FloatArray,
    tetrahedra: IntArray,
    *,
    layers: LayerReport | None = None,
    enclosed: float | None = None,
) -> MeshQuality:
    """Measure a mesh of positively oriented tetrahedra.

    Args:
        points: (n, 3) vertices [m].
        tetrahedra: (m, 4) corners; the cells of the layers first.
        layers: What became of its boundary layers.
        enclosed: Volume that the surface encloses [m³].
    """
    shapes = measure_cells(points, tetrahedra)
    core = slice(layers.cells if layers is not None else 0, None)
    volume = float(shapes.volume.sum())
    return MeshQuality(
        cells=len(tetrahedra),
        vertices=len(points),
        edge_min=float(shapes.edge_min.min()),
        edge_mean=float(shapes.edge_mean.mean()),
        edge_max=float(shapes.edge_max.max()),
        radius_ratio_min=float(shapes.radius_ratio.min()),
        radius_ratio_p01=float(np.percentile(shapes.radius_ratio, 1.0)),
        radius_ratio_mean=float(shapes.radius_ratio.mean()),
        dihedral_min=float(shapes.dihedral_min.min()),
        dihedral_max=float(shapes.dihedral_max.max()),
        volume=volume,
        aspect_ratio_max=float(shapes.aspect_ratio.max()),
        aspect_ratio_mean=float(shapes.aspect_ratio.mean()),
        jacobian_min=float(shapes.volume.min() / shapes.volume.mean()),
        volume_error=None if enclosed is None else abs(volume - enclosed) / enclosed,
        core_radius_ratio_min=float(shapes.radius_ratio[core].min(initial=1.0)),
        core_dihedral_min=float(shapes.dihedral_min[core].min(initial=90.0)),
        core_dihedral_max=float(shapes.dihedral_max[core].max(initial=0.0)),
        layers=layers,
        radius_ratios=_count(shapes.radius_ratio, 0.0, 1.0),
        dihedrals=_count(shapes.dihedral_min, 0.0, 75.0),
        aspect_ratios=_count(shapes.aspect_ratio, 1.0, _MOST_STRETCHED),
    )


def _count(values: FloatArray, low: float, high: float) -> Histogram:
    edges = np.linspace(low, high, _BINS + 1)
    # An even grid of bins: `np.histogram` is several times slower. What lies outside goes into the end bins.
    share = (np.clip(values, low, high) - low) / (high - low)
    counts = np.bincount(np.minimum((_BINS * share).astype(np.int64), _BINS - 1), minlength=_BINS)
    return Histogram(
        edges=tuple(float(edge) for edge in edges), counts=tuple(int(number) for number in counts)
    )
