"""From what the bedside says about a child to what the lumped model needs."""

from __future__ import annotations

from hemoplan.case import Case, Outlet
from hemoplan.errors import BoundaryError
from lumped.calibrate import CuffPressure, Targets
from lumped.windkessel import Windkessel, WindkesselBank


def calibration_targets(case: Case) -> Targets | None:
    """What the Windkessels of a case are to be tuned to; None if the case gives them.

    Flow fractions that add up to one within the case file's tolerance are scaled to do so exactly.
    """
    fractions = {name: case.outlets[name].flow_fraction for name in case.outlet_names}
    known = {name: fraction for name, fraction in fractions.items() if fraction is not None}
    if len(known) < len(fractions):
        return None
    cuff = case.patient.cuff
    total = sum(known.values())
    return Targets(
        cuff=CuffPressure(systolic=cuff.systolic, diastolic=cuff.diastolic, mean=cuff.mean),
        site=cuff.site,
        fractions={name: fraction / total for name, fraction in known.items()},
        venous_pressure=case.patient.venous_pressure,
    )


def given_windkessels(case: Case) -> WindkesselBank:
    """The Windkessels that the case file itself gives, at the venous pressure at t = 0.

    Raises:
        BoundaryError: An outlet has no Windkessel of its own.
    """
    venous = case.patient.venous_pressure
    return WindkesselBank.of(
        {name: _windkessel(name, case.outlets[name], venous) for name in case.outlet_names}
    )


def _windkessel(name: str, outlet: Outlet, venous_pressure: float) -> Windkessel:
    Rp, C, Rd = outlet.proximal_resistance, outlet.compliance, outlet.distal_resistance
    if Rp is None or C is None or Rd is None:
        raise BoundaryError(
            "the outlet has no Windkessel of its own",
            where=f"outlets.{name}",
            expected="proximal_resistance, compliance and distal_resistance",
            remedy="give them, or tune all outlets to flow fractions",
        )
    return Windkessel(
        proximal_resistance=Rp, compliance=C, distal_resistance=Rd, distal_pressure=venous_pressure
    )
