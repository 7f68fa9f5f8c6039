"""The demo world: two SQLite databases that look like Business Central and Dataverse, and what people do to them.

`koppel.demo.world` builds the pair of databases and later edits them; the engine under demonstration never reads the
answers it leaves beside them (`truth.json`).
"""
