"""Pure: values in, comparable values out.

`canonical` says what two values must share to be the same one, `fingerprint` makes numbers of that, `convert` (with
the conversions of `registry`) turns a value of one field into a value another field can hold, or a reason why it
cannot, `resolve` makes one value of two, and `filter` reads the filter language. No I/O, no clock, no randomness,
no logging.
"""
