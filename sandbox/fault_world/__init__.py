"""The parts of the generated world: what is sold and used, how it is rated, how it goes wrong.

Flows in: a seed and sizes. Flows out: rows and truth, through `sandbox.faults`, whose docstring
says which stored fact proves which cause.
"""
