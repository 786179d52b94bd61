"""The JSON of svZeroDSolver: read, run, fit to observations, write.

    model = read_model(Path("model.json"))
    write_csv(Path("result.csv"), run(model))

A second solver for files of that program, which reproduces its numbers. Its equations are E y' + F y + c(y, y', t) = 0,
with a flow and a pressure at each node between two blocks. The files carry no units: all numbers are in the user's.
"""

from lumped.svzerod.calibration import calibrate
from lumped.svzerod.model_file import parse_model, read_model, write_model
from lumped.svzerod.result import Result, Table, tabulate, write_csv
from lumped.svzerod.schema import SvzerodModel
from lumped.svzerod.simulation import run

__all__ = [
    "Result",
    "SvzerodModel",
    "Table",
    "calibrate",
    "parse_model",
    "read_model",
    "run",
    "tabulate",
    "write_csv",
    "write_model",
]
