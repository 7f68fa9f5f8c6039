"""The demo world: what Business Central and Dataverse hold when nobody has kept them in step, and what people do next.

`world` makes up the rows, `databases` puts them into two SQLite databases, `edits` is the second act at whatever desks
the systems have. The engine under demonstration never reads the truth beside them (`truth.json`).
"""
