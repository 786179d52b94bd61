"""Kinds of coupling between compartments other than flow."""

from __future__ import annotations

from lumped.blocks.coupling_laws import PERICARDIUM, SEPTUM, SHARE
from lumped.blocks.record import Kind, Parameter, catalogue, in_order

COUPLINGS = catalogue(
    Kind(
        name="pericardium",
        law=PERICARDIUM,
        meaning="pressure E Vk (exp((V - V0) / Vk) - 1) around the compartments that it holds, V their volume together",
        source="Sun et al., Am. J. Physiol. 272, 1997, DOI 10.1152/ajpheart.1997.272.3.H1499",
        parameters=(
            Parameter("elastance", "mmHg/mL", 1e-6, 1e3, "slope of pressure at the unstressed volume"),
            Parameter("unstressed_volume", "mL", 0.1, 2000.0, "volume at which it is slack"),
            Parameter("stiffening_volume", "mL", 0.01, 1e5, "volume over which the slope rises by e"),
        ),
        pack=in_order("elastance", "unstressed_volume", "stiffening_volume"),
    ),
    Kind(
        name="wall_pressure",
        law=SHARE,
        meaning="a share of a chamber's transmural pressure, which squeezes the vessels in its wall",
        source="Downey & Kirk, Circ. Res. 36, 1975, DOI 10.1161/01.RES.36.6.753",
        parameters=(Parameter("share", "1", 0.0, 2.0, "0.5 amid the wall, 1 under the endocardium", 0.5),),
        pack=in_order("share"),
    ),
    Kind(
        name="septum",
        law=SEPTUM,
        meaning="bulges to the right by y, (Ed + (Es - Ed) a) y = p_left - p_right",
        source="Smith et al., Med. Eng. Phys. 26, 2004, DOI 10.1016/j.medengphy.2003.10.001",
        parameters=(
            Parameter("diastolic_elastance", "mmHg/mL", 1e-3, 1e5, "stiffness at rest"),
            Parameter("systolic_elastance", "mmHg/mL", 1e-3, 1e5, "stiffness at the height of contraction"),
        ),
        pack=in_order("diastolic_elastance", "systolic_elastance"),
    ),
)
