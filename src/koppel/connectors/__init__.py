"""The outside world: one module or package for each kind of system.

A connector knows `koppel.ports`, `koppel.model` and `koppel.errors`, compiles filters to its system's own language,
and is proven by `koppel.testing.TableContract`. No connector knows another one.
"""
