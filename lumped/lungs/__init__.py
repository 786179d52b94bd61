"""Lungs and what ventilates them: mechanics, endotracheal tube, ventilator modes, gas exchange, vascular resistance.

`mechanics` describes the respiratory system and `tube` the endotracheal tube; `modes` are the ventilator's settings;
`breath` solves the periodic breath of all three. `exchange` turns ventilation into alveolar and arterial gas, and
`vascular_resistance` says how lung volume, oxygen and pH act on the pulmonary vessels. `newborn` holds defaults.

All pressures are relative to the atmosphere, except partial pressures. Flow is positive into the lungs.
"""
