"""A circulation as data: compartments and the connections between them, in a file; and what surgery does to it.

`graph` holds the records and `check` says whether they make sense. `file` reads and writes them, `library` names the
anatomies that ship with hemoplan. `surgery` edits the graph, `operations` does so by text, `restart` says where the
blood goes then. `scaling` and `growth` fit a circulation to another size and age.
"""
