"""The whole child at once: circulation, reflexes, gas and ventilator agree with each other.

`steady` finds the state in which they do; `evolve` follows them beat by beat through events such as an operation. Both
give a flat table of outputs by name, in SI with their clinical unit; see `outputs`.
"""

from lumped.physiology.equilibrium import Physiology, steady
from lumped.physiology.evolution import Event, Evolution, evolve
from lumped.physiology.outputs import Output
from lumped.physiology.ventilation import Ventilation

__all__ = ["Event", "Evolution", "Output", "Physiology", "Ventilation", "evolve", "steady"]
