"""The numbers of a circulation that belong to no block: unit and range, as `Parameter` says them for a block's."""

from __future__ import annotations

from lumped.blocks.record import Parameter

RATE_UNIT = "1/min"
PERIOD = Parameter("period", "s", 0.15, 3.0, "length of the beat")
WEIGHT = Parameter("weight", "kg", 0.3, 200.0, "of the child")
BLOOD = (
    Parameter("density", "kg/m**3", 900.0, 1200.0, "of blood"),
    Parameter("viscosity", "mPa*s", 0.5, 20.0, "dynamic, of blood"),
)
PRESSURE = Parameter("pressure", "mmHg", -200.0, 500.0, "around compartments")
VOLUME = Parameter("volume", "mL", -500.0, 20000.0, "blood at the start")
GAS = (
    Parameter("haemoglobin", "g/L", 10.0, 300.0, "of blood"),
    Parameter("fetal_fraction", "1", 0.0, 1.0, "share of haemoglobin F"),
    Parameter("temperature", "K", 288.0, 316.0, "of blood"),
    Parameter("base_excess", "mmol/L", -40.0, 40.0, "of blood"),
    Parameter("oxygen_consumption", "mL/min", 0.0, 2000.0, "of the whole body, STPD"),
    Parameter("respiratory_quotient", "1", 0.5, 1.3, "CO2 made over O2 consumed"),
    Parameter("shunt_share", "1", 0.0, 1.0, "of each lung's flow, that passes the alveoli by"),
    Parameter("inspired_oxygen", "1", 0.0, 1.0, "share of O2 in what is breathed in"),
    Parameter("alveolar_ventilation", "mL/min", 0.0, 50000.0, "BTPS"),
    Parameter("placental_oxygen", "mmHg", 1.0, 700.0, "of umbilical venous blood"),
    Parameter("placental_carbon_dioxide", "mmHg", 1.0, 200.0, "of umbilical venous blood"),
)
WAVEFORM_UNITS = {"compartments": PRESSURE.unit, "connections": "mL/min", "surroundings": PRESSURE.unit}
"""Unit in which a waveform of each group is written."""
