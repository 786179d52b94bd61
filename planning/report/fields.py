"""The three-dimensional results of a run, read for drawing: clinical units, one scale for all variants."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyvista as pv
from matplotlib.ticker import MaxNLocator

from geometry.openings.extension_cuts import cuts_of_mesh
from hemoplan.arrays import FloatArray
from hemoplan.errors import HemoplanError
from hemoplan.patch import Patch, Role, read_patches
from hemoplan.units import MMHG
from planning.report.extensions import hide_lines, hide_lumen, hide_wall, move_openings
from planning.run_folder import RunFolder, require_file

_SOLVE = "run `hemoplan solve CASE`"
_SEEDS = 180


class Field(StrEnum):
    """What a picture can show."""

    PRESSURE = "pressure"
    VELOCITY = "velocity"
    TAWSS = "tawss"
    OSI = "osi"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldStyle:
    """How a field is named and coloured.

    Attributes:
        title: What it is.
        unit: Unit of the numbers shown; empty where there is none.
        colours: Name of a Matplotlib colour map, perceptually ordered.
        quantiles: Shares of all values at which the scale begins and ends; None pins the beginning to zero.
    """

    title: str
    unit: str
    colours: str
    quantiles: tuple[float | None, float]

    @property
    def label(self) -> str:
        """Title with unit."""
        return f"{self.title} [{self.unit}]" if self.unit else self.title


FIELD_STYLES: Mapping[Field, FieldStyle] = {
    Field.PRESSURE: FieldStyle(
        title="Pressure at peak systole", unit="mmHg", colours="viridis", quantiles=(0.01, 0.99)
    ),
    Field.VELOCITY: FieldStyle(
        title="Velocity at peak systole", unit="m/s", colours="plasma", quantiles=(None, 0.99)
    ),
    Field.TAWSS: FieldStyle(
        title="Time-averaged wall shear stress", unit="Pa", colours="YlOrRd", quantiles=(None, 0.98)
    ),
    Field.OSI: FieldStyle(title="Oscillatory shear index", unit="", colours="PuBuGn", quantiles=(None, 0.99)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The range of colours that all variants share, with round ends; beyond it the end's colour goes on."""

    low: float
    high: float
    ticks: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantFields:
    """What can be drawn of one variant, up to the cuts of extended openings. Coordinates in metres.

    Attributes:
        name: Name of the variant.
        lumen: Boundary of the lumen, with the point array `pressure` [mmHg] at peak systole.
        wall: The wall, with the point arrays `tawss` [Pa] and `osi`.
        streamlines: Poly-lines along the velocity at peak systole, with the point array `velocity`, the speed
            [m/s].
        openings: The openings; an extended one where the vessel was cut.
    """

    name: str
    lumen: pv.PolyData
    wall: pv.PolyData
    streamlines: pv.PolyData
    openings: tuple[Patch, ...]

    def mesh(self, field: Field) -> pv.PolyData:
        """The mesh that carries a field."""
        if field is Field.PRESSURE:
            return self.lumen
        return self.streamlines if field is Field.VELOCITY else self.wall

    def values(self, field: Field) -> FloatArray:
        """The field's values at the points of its mesh, in the unit of its style."""
        return np.asarray(self.mesh(field).point_data[field.value], dtype=np.float64)


def read_fields(run: RunFolder, names: Sequence[str]) -> tuple[VariantFields, ...]:
    """Read the fields of variants.

    Raises:
        HemoplanError: A file is missing, damaged or lacks an array.
    """
    return tuple(_read_variant(run, name) for name in names)


def choose_scales(variants: Sequence[VariantFields]) -> dict[Field, Scale]:
    """One scale a field, over all variants."""
    scales = {}
    for field, style in FIELD_STYLES.items():
        values = np.concatenate([variant.values(field) for variant in variants])
        low, high = style.quantiles
        scales[field] = _round_scale(
            0.0 if low is None else float(np.quantile(values, low)), float(np.quantile(values, high))
        )
    return scales


def _round_scale(low: float, high: float) -> Scale:
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-9):
        low, high = low - 0.5, high + 0.5
    ticks = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return Scale(low=float(ticks[0]), high=float(ticks[-1]), ticks=tuple(float(tick) for tick in ticks))


def _read_variant(run: RunFolder, name: str) -> VariantFields:
    folder = run.variant(name)
    peak = _read_grid(folder.peak_field, {"velocity": 3, "pressure": 1})
    wall = _read_grid(folder.wall_field, {"tawss": 1, "osi": 1}).extract_surface(algorithm=None).triangulate()
    peak.point_data["pressure"] = np.asarray(peak.point_data["pressure"], dtype=np.float64) / MMHG
    cuts = cuts_of_mesh(folder.mesh.path)
    lumen = peak.extract_surface(algorithm=None).triangulate()
    patches = read_patches(require_file(folder.mesh.patches, remedy="run `hemoplan mesh CASE`"))
    return VariantFields(
        name=name,
        lumen=hide_lumen(lumen, peak, cuts),
        wall=hide_wall(wall, cuts),
        streamlines=hide_lines(_trace(peak, folder.peak_field), cuts),
        openings=move_openings(tuple(patch for patch in patches if patch.role is not Role.WALL), cuts),
    )


def _read_grid(path: Path, arrays: Mapping[str, int]) -> pv.UnstructuredGrid:
    require_file(path, remedy=_SOLVE)
    try:
        grid = _quietly(lambda: pv.read(path))
    except (OSError, ValueError, RuntimeError) as error:
        raise HemoplanError("cannot read the field", where=str(path), value=error, remedy=_SOLVE) from error
    if not isinstance(grid, pv.UnstructuredGrid) or grid.n_cells == 0:
        raise HemoplanError(
            "the field file is damaged or empty",
            where=str(path),
            expected="an unstructured mesh",
            remedy=_SOLVE,
        )
    for array, components in arrays.items():
        if array not in grid.point_data:
            raise HemoplanError(
                "the field file lacks a point array",
                where=str(path),
                value=array,
                expected=f"the arrays {', '.join(arrays)}; it has {', '.join(grid.point_data) or 'none'}",
                remedy=_SOLVE,
            )
        values = np.asarray(grid.point_data[array])
        if (values.shape[1] if values.ndim == 2 else 1) != components or not np.isfinite(values).all():
            raise HemoplanError(
                "the field file holds an array that cannot be drawn",
                where=str(path),
                value=f"{array} of shape {values.shape}",
                expected=f"finite values with {components} component(s) a point",
                remedy=_SOLVE,
            )
    return grid


def _quietly(read: Callable[[], pv.DataObject]) -> pv.DataObject:
    """Read a file while VTK keeps its complaints to itself; what is wrong is checked afterwards."""
    with pv.vtk_verbosity("off"), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return read()


def _trace(grid: pv.UnstructuredGrid, path: Path) -> pv.PolyData:
    """Streamlines through points spread over the lumen; fine cells, so narrow places, get more of them."""
    cells = np.random.default_rng(0).choice(grid.n_cells, size=min(_SEEDS, grid.n_cells), replace=False)
    lines = grid.streamlines_from_source(
        pv.PolyData(np.asarray(grid.cell_centers().points)[cells]),
        vectors="velocity",
        integration_direction="both",
        initial_step_length=0.4,
        max_length=4.0 * grid.length,
        max_steps=1500,
        terminal_speed=1e-4,
        compute_vorticity=False,
    )
    if lines.n_points == 0:
        raise HemoplanError(
            "the velocity field gives no streamline",
            where=str(path),
            expected="blood that moves at peak systole",
            remedy=_SOLVE,
        )
    lines.point_data["velocity"] = np.linalg.norm(np.asarray(lines.point_data["velocity"]), axis=1)
    return lines
