"""Calibration of a circulation to the bedside: targets, population priors, the fit, and what the data tell."""
