"""The shell around the pure core, and the only caller of ports. Read `job.py` first: it is the story; every other file
is one of its verbs.
"""
