"""A calibration on disk: JSON with everything, the fitted circulation among it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from hemoplan.errors import CalibrationError
from lumped.bedside.calibration import Calibration, FittedFactor, TargetFit
from lumped.bedside.factors import Factor, Member
from lumped.bedside.targets import Target
from lumped.circulation.problems import problems_error
from lumped.circulation.reading import from_table
from lumped.circulation.table import to_table

FORMAT = "hemoplan calibration 1"
"""First line of the file: what it is, and the version of its layout."""


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write a calibration; numbers are in SI but for the circulation, which is as in its own files."""
    table = {
        "format": FORMAT,
        "name": calibration.name,
        "misfit": calibration.misfit,
        "departure": calibration.departure,
        "plausibility": calibration.plausibility,
        "informed": calibration.informed,
        "converged": calibration.converged,
        "evaluations": calibration.evaluations,
        "steps": calibration.steps,
        "frozen": calibration.frozen,
        "warnings": calibration.warnings,
        "targets": [{**asdict(each), "miss": each.miss} for each in calibration.targets],
        "factors": [asdict(each) for each in calibration.factors],
        "covariance": calibration.covariance.tolist(),
        "circulation": to_table(calibration.circulation),
    }
    path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def read_calibration(path: Path) -> Calibration:
    """Read what `write_calibration` wrote.

    Raises:
        CalibrationError: The file cannot be read or is none.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CalibrationError("cannot read the calibration", where=str(path), value=error) from None
    if not isinstance(table, dict) or table.get("format") != FORMAT:
        raise CalibrationError(
            "the file is no calibration",
            where=str(path),
            value=table.get("format") if isinstance(table, dict) else None,
            expected=f'a JSON object with "format": "{FORMAT}"',
        )
    circulation, problems = from_table(table["circulation"], str(path))
    if problems:
        raise problems_error(CalibrationError, "the fitted circulation", str(path), problems)
    try:
        return Calibration(
            name=table["name"],
            circulation=circulation,
            factors=tuple(_factor(each) for each in table["factors"]),
            targets=tuple(_target(each) for each in table["targets"]),
            covariance=np.array(table["covariance"], dtype=np.float64),
            misfit=table["misfit"],
            departure=table["departure"],
            plausibility=table["plausibility"],
            informed=table["informed"],
            frozen=tuple(table["frozen"]),
            warnings=tuple(table["warnings"]),
            converged=table["converged"],
            evaluations=table["evaluations"],
            steps=table["steps"],
        )
    except (KeyError, TypeError) as error:
        raise CalibrationError("the calibration is not complete", where=str(path), value=error) from None


def _factor(table: Mapping[str, Any]) -> FittedFactor:
    prior = dict(table["factor"])
    prior["members"] = tuple(Member(**each) for each in prior["members"])
    return FittedFactor(**{**table, "factor": Factor(**prior), "values": tuple(table["values"])})


def _target(table: Mapping[str, Any]) -> TargetFit:
    said = dict(table["target"])
    said["of"], said["second"] = tuple(said["of"]), tuple(said["second"])
    return TargetFit(target=Target(**said), value=table["value"], low=table["low"], high=table["high"])
