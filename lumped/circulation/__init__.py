"""A circulation as data: compartments and the connections between them, in a file; and what surgery does to it."""
