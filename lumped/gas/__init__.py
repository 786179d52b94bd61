"""Oxygen, carbon dioxide and acid–base: the chemistry of blood, and what delivery makes of it.

`oxygen` holds the dissociation curve and `carbon_dioxide` the CO2 curve; `acid_base` joins CO2 with pH (Van Slyke for
speed, Stewart as its check). `blood` puts the three together: partial pressures to contents and back, with derivatives.
`delivery` holds what needs flows only: Fick, the parallel circulation, extraction and oxygen debt.

Partial pressures are in Pa and contents in m³ of gas (STPD) per m³ of blood; haemoglobin is in kg/m³, which is g/L, and
what is dissolved in mol/m³, which is mmol/L.
"""
