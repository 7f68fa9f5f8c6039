"""How fast koppel is, measured: each scenario in a process of its own, beside the plain limit of the same work in the
same run.
"""
