"""Pure verbs: fingerprints in, actions out. NumPy only; no value, no clock, no I/O ever comes here."""
