"""A newborn's beating heart behind both ends of a short tube in the place of the isthmus, as the solver is given it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np

from lumped.boundary_file import write_boundary
from lumped.circulation.file import circulation_from, load_anatomy
from lumped.engine.boundary import CirculationBoundary
from lumped.engine.build import build
from lumped.engine.periodic import periodic
from planning.solver.request import write_request
from tests.cfd.tube_mesh import TubeMesh, tube_mesh
from tests.planning.small_solve import REQUEST

STEPS = 80
RADIUS, LENGTH = 3e-3, 12e-3


@cache
def whole_newborn() -> dict[tuple[str, str], float]:
    """The unknowns at the start of the periodic beat of the circulation alone, by block and quantity."""
    beat = periodic(build(load_anatomy("term_newborn"))).history
    values = zip(beat.model.unknowns, beat.unknowns[0], strict=True)
    return {(each.block, each.quantity): float(value) for each, value in values}


@cache
def newborn_boundary() -> CirculationBoundary:
    """Nothing is prescribed: blood leaves the arch into the tube, and the tube into the descending aorta."""
    table = {
        "extends": "term_newborn",
        "remove": ["isthmus"],
        "ports": {"inlet": {"node": "aortic_arch"}, "outlet": {"node": "descending_aorta"}},
    }
    model = build(circulation_from(table, Path("circuit.json")))
    alone = whole_newborn()
    start = np.array([alone[each.block, each.quantity] for each in model.unknowns])
    return CirculationBoundary(model=model, start=start)


def write_closed_loop(folder: Path, *, mesh: TubeMesh | None = None, **changes: object) -> Path:
    """Write a sound request of a closed loop; some of its values changed, as they are."""
    (mesh or tube_mesh(RADIUS, LENGTH)).write(folder / "mesh")
    boundary = newborn_boundary()
    write_boundary(folder / "circuit.json", boundary)
    period = boundary.model.period
    content = {"inflow": None, "period": period, "time_step": period / STEPS, "output_interval": period}
    path = folder / "solve.json"
    write_request(path, REQUEST)
    path.write_text(json.dumps(json.loads(path.read_text()) | content | changes))
    return path
