"""What `hemoplan lumped` can run, and where its results go: circulations, and models of svZeroDSolver."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hemoplan.errors import CaseError, ResourceError
from hemoplan.spelling import hint
from hemoplan.units import ML, ML_PER_S, MMHG
from lumped.circulation.file import load_anatomy, read_circulation
from lumped.circulation.graph import Circulation
from lumped.circulation.kinds import holds_blood
from lumped.circulation.library import anatomies
from lumped.circulation.operations import apply
from lumped.circulation.restart import carry_over
from lumped.engine.marching import History
from lumped.physiology import Physiology


@dataclass(frozen=True, slots=True)
class PeerModel:
    """A file of svZeroDSolver."""

    path: Path


def open_model(text: str) -> Circulation | PeerModel:
    """The circulation of a name or a path; or a file of svZeroDSolver, to be run by that program's rules.

    Raises:
        CaseError: It is neither an anatomy nor a file, or the file describes nothing that can be run.
        BoundaryError, VariantError: What it describes makes no sense.
    """
    path = Path(text)
    if text in anatomies():
        return load_anatomy(text)
    if not path.is_file():
        raise CaseError(
            f"there is no such file, and no anatomy '{text}'; {hint(text, anatomies())}",
            where="model",
            remedy="`hemoplan lumped list` names the anatomies",
        )
    if path.suffix == ".json" and _is_peer_model(path):
        return PeerModel(path)
    return read_circulation(path)


def _is_peer_model(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return True  # its reader says what is wrong with the JSON
    return isinstance(content, dict) and "compartments" not in content and "extends" not in content


def operated(circulation: Circulation, steps: Sequence[str], history: History) -> Circulation:
    """A circulation after surgery, starting with the blood that it held before.

    Args:
        circulation: Before.
        steps: As `lumped.circulation.operations` reads them.
        history: A beat of it before the operation.

    Raises:
        CaseError, VariantError, BoundaryError: A step cannot be read or made.
    """
    changed = apply(circulation, *steps)
    volumes = {
        each.name: float(history.volume(each.name)[0])
        for each in circulation.compartments
        if holds_blood(each)
    }
    filled = carry_over(circulation, changed, volumes)
    parts = (replace(each, volume=filled.get(each.name, 0.0)) for each in changed.compartments)
    return replace(changed, compartments=tuple(parts))


def write_beat(path: Path, history: History) -> None:
    """Write a beat as CSV, in mmHg, mL and mL/s.

    Raises:
        ResourceError: It cannot be written.
    """
    model = history.model
    columns: dict[str, NDArray[np.floating]] = {"time [s]": history.times}
    columns |= {f"pressure {name} [mmHg]": history.pressure(name) / MMHG for name in model.nodes}
    columns |= {
        f"volume {each.block} [mL]": history.volume(each.block) / ML
        for each in model.unknowns
        if each.quantity == "volume"
    }
    columns |= {f"flow {name} [mL/s]": history.flow(name) / ML_PER_S for name in model.edges}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
    except OSError as error:
        raise ResourceError("cannot write the results", where=str(path), value=error.strerror) from error


def write_outputs(path: Path, states: Mapping[str, Physiology]) -> None:
    """Write all outputs of steady states as CSV, a column a state, in clinical units.

    Raises:
        ResourceError: It cannot be written.
    """
    names = dict.fromkeys(name for state in states.values() for name in state.outputs)
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["output", "unit", *states])
            for name in names:
                known = [state.outputs.get(name) for state in states.values()]
                unit = next(each.unit for each in known if each is not None)
                writer.writerow([name, unit, *("" if each is None else each.shown for each in known)])
    except OSError as error:
        raise ResourceError("cannot write the results", where=str(path), value=error.strerror) from error
