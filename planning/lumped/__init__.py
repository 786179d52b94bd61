"""The commands of the 0D circulation by itself: models, runs, calibration, tables, figures, benchmark."""
