"""How fast koppel is, measured: each thing in a process of its own, beside the plain limit of the same work in the same
run, and both verified.
"""
