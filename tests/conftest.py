"""Configuration for all tests: how hard Hypothesis tries.

`quick` (make test) draws the same examples every time, so a red run means a changed program. `hunt` (make simulate)
draws new ones and more of them. Neither has a deadline per example: a busy machine is no fault of the code.
"""

from hypothesis import settings

settings.register_profile("quick", deadline=None, derandomize=True)
settings.register_profile("hunt", deadline=None, max_examples=1_000, print_blob=True)
settings.load_profile("quick")
