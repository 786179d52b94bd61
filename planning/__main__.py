"""`python -m planning`: the command line."""

from planning.cli import main

main()
