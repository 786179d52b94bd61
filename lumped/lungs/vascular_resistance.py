"""Pulmonary vascular resistance as it depends on lung volume, oxygen and pH, as a factor that is 1 in health.

Lung volume, x = V / FRC:

    f_V = w exp(a (x - 1)) + (1 - w) x^-m,    w a = (1 - w) m

Alveolar vessels are compressed as the lung expands, the vessels around them are pulled open (Howell, Permutt, Proctor &
Riley, J. Appl. Physiol. 16, 1961; Whittenberger et al., J. Appl. Physiol. 15, 1960); the condition puts the least
resistance at the functional residual capacity. w = 2/3, a = 1 and m = 2 make the resistance 1.7 times the least at half
and 1.9 times at twice that volume: the shape is what was measured, the size is our assumption.

Oxygen, with the stimulus of Marshall et al. (Respir. Physiol. 96, 1994, DOI 10.1016/0034-5687(94)90129-5; dogs), mmHg:

    PSO2 = PvO2^0.41 PAO2^0.59,    h = PSO2^-2.616 / (6.683e-5 + PSO2^-2.616)
    f_O2 = 1 + (G - 1) h exp(b (7.40 - pH)),    G = 3.15

Acid strengthens and alkali weakens what hypoxia does (Rudolph & Yuan, J. Clin. Invest. 45, 1966, newborn calves;
Schreiber, Heymann & Soifer, Pediatr. Res. 20, 1986, DOI 10.1203/00006450-198602000-00003, newborn lambs: pH acts, not
PCO2). b = 3, a third more for each 0.1, is our assumption.

The product is divided by its value at FRC, alveolar PO2 100 mmHg, mixed venous PO2 35 mmHg and pH 7.40.
Compiled; takes complex numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hemoplan.units import MMHG
from lumped.compiled import compiled

NORMAL_ALVEOLAR_PO2 = 100.0 * MMHG
"""Alveolar PO2 at which the factor is 1 [Pa]."""
NORMAL_VENOUS_PO2 = 35.0 * MMHG
"""Mixed venous PO2 at which the factor is 1 [Pa]."""
NORMAL_PH = 7.4
GREATEST_CONSTRICTION = 3.15
"""G: resistance in full hypoxia over that without any constriction."""
PH_GAIN = 3.0
"""b: how strongly acid amplifies constriction, per unit of pH."""

_ALVEOLAR_SHARE = 2.0 / 3.0
_STIFFNESS = 1.0
_TETHERING = 2.0
_VENOUS_WEIGHT = 0.41
_ALVEOLAR_WEIGHT = 0.59
_SLOPE = 2.616
_HALF = 6.683e-5
_LOWEST_PO2 = 1.0  # Pa; the sigmoid is flat long before


@compiled
def volume_factor(lung_volume: Any, frc: Any) -> Any:
    """Resistance at a lung volume [m³] over that at the functional residual capacity [m³]; both positive."""
    x = lung_volume / frc
    return _ALVEOLAR_SHARE * np.exp(_STIFFNESS * (x - 1.0)) + (1.0 - _ALVEOLAR_SHARE) * x**-_TETHERING


@compiled
def hypoxic_share(alveolar_po2: Any, venous_po2: Any = NORMAL_VENOUS_PO2) -> Any:
    """Share h of the greatest constriction, 0 to 1, at given partial pressures [Pa]."""
    alveolar = alveolar_po2 if alveolar_po2.real > _LOWEST_PO2 else _LOWEST_PO2 + 0.0 * alveolar_po2
    venous = venous_po2 if venous_po2.real > _LOWEST_PO2 else _LOWEST_PO2 + 0.0 * venous_po2
    stimulus = np.exp(_VENOUS_WEIGHT * np.log(venous / MMHG) + _ALVEOLAR_WEIGHT * np.log(alveolar / MMHG))
    return 1.0 / (1.0 + _HALF * stimulus**_SLOPE)


@compiled
def oxygen_factor(alveolar_po2: Any, ph: Any = NORMAL_PH, venous_po2: Any = NORMAL_VENOUS_PO2) -> Any:
    """Resistance at given oxygen pressures [Pa] and pH over that in health."""
    tone = (GREATEST_CONSTRICTION - 1.0) * hypoxic_share(alveolar_po2, venous_po2)
    normal = (GREATEST_CONSTRICTION - 1.0) * hypoxic_share(NORMAL_ALVEOLAR_PO2, NORMAL_VENOUS_PO2)
    return (1.0 + tone * np.exp(PH_GAIN * (NORMAL_PH - ph))) / (1.0 + normal)


@compiled
def pvr_factor(
    lung_volume: Any, frc: Any, alveolar_po2: Any, ph: Any = NORMAL_PH, venous_po2: Any = NORMAL_VENOUS_PO2
) -> Any:
    """Factor on the pulmonary vascular resistance: 1 at FRC, normal oxygen and pH 7.40.

    Args:
        lung_volume: Gas in the lungs [m³], > 0.
        frc: Functional residual capacity [m³], > 0.
        alveolar_po2: [Pa].
        ph: Arterial pH.
        venous_po2: Of the blood that enters the lungs [Pa].
    """
    return volume_factor(lung_volume, frc) * oxygen_factor(alveolar_po2, ph, venous_po2)
