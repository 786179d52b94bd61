"""The heart with the pulmonary circulation as one block of a closed circuit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lumped.svzerod.activations import Ventricle, WrappingCosine
from lumped.svzerod.laws import HEART_LAW
from lumped.svzerod.parameters import number
from lumped.svzerod.stamps import Ends, Place, Stamps

HEART_NAME = "CLH"
"""Name of the heart in the names of unknowns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedLoopHeart:
    """Four chambers, four valves and the lungs' vessels.

        veins -> RA -|tricuspid|- L, R -> RV -|pulmonary|- L, R -> Cp, Rpd -> LA -|mitral|- L, R -> LV
        -|aortic|- L, R -> aorta (Cpa)

    Atrium:    P = A Emax (V - Vaso) + (1 - A) Kxp (exp(Kxv (V - Vaso)) - 1)
    Ventricle: P = E(t) (V - Vu)
    Valve:     L Q' + R Q = P_before - P_behind; closed, with Q = 0, where P_before <= P_behind and Q <= 0
    Lungs:     Cp P_pul' + (P_pul - P_LA) / Rpd = Q_RV
    Aorta:     Cpa P_out' + Q_out = Q_LV

    What the right ventricle ejects fills the left atrium at once, V_LA' = Q_RV - Q_LA: the lungs shape the pressure in
    front of it, but hold no blood of their own.

    Source: Sankaran et al. 2012, DOI 10.1007/s10439-012-0579-3.

    Attributes:
        Tsa: Duration of the atrial contraction as a share of the cycle.
        tpwave: Cycle over the time at which it ends.
        Erv_s: Scale of the right ventricle's elastance.
        Elv_s: Scale of the left ventricle's elastance.
        iml: Share of the left ventricle's pressure in its coronary bed.
        imr: The same of the right ventricle.
        Lra_v: Inertance of the tricuspid valve.
        Rra_v: Resistance of the tricuspid valve.
        Lrv_a: Inertance of the pulmonary valve.
        Rrv_a: Resistance of the pulmonary valve.
        Lla_v: Inertance of the mitral valve.
        Rla_v: Resistance of the mitral valve.
        Llv_a: Inertance of the aortic valve.
        Rlv_ao: Resistance of the aortic valve.
        Vrv_u: Unstressed volume of the right ventricle.
        Vlv_u: Unstressed volume of the left ventricle.
        Rpd: Resistance of the lungs.
        Cp: Compliance of the lungs.
        Cpa: Compliance of the aorta.
        Kxp_ra: Scale of the right atrium's passive pressure.
        Kxv_ra: Scale of its volume.
        Kxp_la: Scale of the left atrium's passive pressure.
        Kxv_la: Scale of its volume.
        Emax_ra: Elastance of the contracted right atrium.
        Emax_la: Elastance of the contracted left atrium.
        Vaso_ra: Unstressed volume of the right atrium.
        Vaso_la: Unstressed volume of the left atrium.
    """

    Tsa: float = number(above=0.0)
    tpwave: float = number(above=0.0)
    Erv_s: float = number(least=0.0)
    Elv_s: float = number(least=0.0)
    iml: float = number()
    imr: float = number()
    Lra_v: float = number(least=0.0)
    Rra_v: float = number(least=0.0)
    Lrv_a: float = number(least=0.0)
    Rrv_a: float = number(least=0.0)
    Lla_v: float = number(least=0.0)
    Rla_v: float = number(least=0.0)
    Llv_a: float = number(least=0.0)
    Rlv_ao: float = number(least=0.0)
    Vrv_u: float = number()
    Vlv_u: float = number()
    Rpd: float = number(above=0.0)
    Cp: float = number(least=0.0)
    Cpa: float = number(least=0.0)
    Kxp_ra: float = number(least=0.0)
    Kxv_ra: float = number(least=0.0)
    Kxp_la: float = number(least=0.0)
    Kxv_la: float = number(least=0.0)
    Emax_ra: float = number(least=0.0)
    Emax_la: float = number(least=0.0)
    Vaso_ra: float = number()
    Vaso_la: float = number()

    INTERNAL: ClassVar[tuple[str, ...]] = (
        "V_RA", "Q_RA", "P_RV", "V_RV", "Q_RV", "P_pul", "P_LA", "V_LA", "Q_LA", "P_LV", "V_LV", "Q_LV",
    )  # fmt: skip
    ENDS: ClassVar[Ends] = (1, 1)

    def equations(self, inlets: int, outlets: int) -> int:
        """Number of equations."""
        return 14

    def stamp(self, stamps: Stamps, place: Place) -> None:
        """Write the equations; what a valve opens and closes is in the law."""
        rows = place.rows
        (p_ra, q_ra_in), (p_aorta, q_aorta) = place.inlets[0], place.outlets[0]
        v_ra, q_ra, p_rv, v_rv, q_rv, p_pul, p_la, v_la, q_la, p_lv, v_lv, q_lv = place.internal
        for row, pressure in ((rows[0], p_ra), (rows[4], p_rv), (rows[8], p_la), (rows[11], p_lv)):
            stamps.linear(row, pressure, value=1.0)
        for row, volume in ((rows[2], v_ra), (rows[5], v_rv), (rows[9], v_la), (rows[12], v_lv)):
            stamps.linear(row, volume, rate=1.0)
        stamps.linear(rows[2], q_ra_in, value=-1.0)
        for row, before, behind, flow, inertance in (
            (rows[3], p_ra, p_rv, q_ra, self.Lra_v),
            (rows[6], p_rv, p_pul, q_rv, self.Lrv_a),
            (rows[10], p_la, p_lv, q_la, self.Lla_v),
            (rows[13], p_lv, p_aorta, q_lv, self.Llv_a),
        ):
            stamps.linear(row, before, value=-1.0)
            stamps.linear(row, behind, value=1.0)
            stamps.linear(row, flow, rate=inertance)
        stamps.linear(rows[7], p_pul, value=1.0 / self.Rpd, rate=self.Cp)
        stamps.linear(rows[7], p_la, value=-1.0 / self.Rpd)
        stamps.linear(rows[1], p_aorta, rate=self.Cpa)
        stamps.linear(rows[1], q_aorta, value=1.0)
        columns = (
            p_ra, q_ra_in, p_aorta, q_aorta,
            v_ra, q_ra, p_rv, v_rv, q_rv, p_pul, p_la, v_la, q_la, p_lv, v_lv, q_lv,
        )  # fmt: skip
        stamps.law(
            HEART_LAW,
            rows,
            columns,
            (
                WrappingCosine(Tsa=self.Tsa, tpwave=self.tpwave),
                Ventricle(scale=self.Erv_s),
                Ventricle(scale=self.Elv_s),
                *(self.Rra_v, self.Rrv_a, self.Rla_v, self.Rlv_ao),
                *(self.Vrv_u, self.Vlv_u),
                *(self.Kxp_ra, self.Kxv_ra, self.Emax_ra, self.Vaso_ra),
                *(self.Kxp_la, self.Kxv_la, self.Emax_la, self.Vaso_la),
            ),
        )
