"""References: a value that names a record of another mapping, translated through that mapping's couplings (semantics
4.8).

Looked up once per distinct value of the page, set-based: value → (hop) → record on this side → coupling → record there
→ its value.
"""

import polars as pl

from koppel.engine.context import JobContext, OpenTable
from koppel.engine.page import Page
from koppel.model.bound import Line
from koppel.model.mapping import Hop, Reference
from koppel.model.policy import Side
from koppel.model.values import ID, OP, FieldShape, Kind, TableShape, dtype
from koppel.ports import Want
from koppel.transform.filter import to_polars
from koppel.transform.translate import WAITING, Lookups, reference_text

UNKNOWN = "unknown_reference"
AMBIGUOUS = "ambiguous_reference"
_ANSWER = {"value": pl.String(), "translated": pl.String(), "reason": pl.String()}


def look_up(context: JobContext, page: Page, towards: tuple[Side, ...]) -> Lookups:
    """All look-ups that a page needs to be translated towards these sides."""
    found: dict[tuple[int, Side], pl.DataFrame] = {}
    for number, line in enumerate(context.bound.lines):
        if line.mapping.reference is None:
            continue
        for target in towards:
            side = target.other
            values = reference_text(line, side, page.values[side][number]).drop_nulls().unique().alias("value")
            found[number, side] = _translate(context, line, line.mapping.reference, side, values)
    return found


def translated(context: JobContext, line: Line, side: Side, values: pl.Series) -> pl.DataFrame:
    """`value`, `translated`, `reason` for distinct values of one line on `side`, which is a reference."""
    assert line.mapping.reference is not None, "only references are looked up"
    return _translate(context, line, line.mapping.reference, side, reference_text(line, side, values).drop_nulls())


def _translate(context: JobContext, line: Line, reference: Reference, side: Side, values: pl.Series) -> pl.DataFrame:
    """`value`, `translated`, `reason` for every distinct value of one line on `side`."""
    if not len(values):
        return pl.DataFrame(schema=_ANSWER)
    hop, steps = reference.hop, pl.DataFrame({"value": values, "step": values})
    hops_here = hop is not None and _hop_side(context, hop) is side
    asked = [steps] * len(reference.mappings)
    if hop is not None and hops_here:
        asked = _look(context.tables.hops[hop.table], steps, (hop.given, hop.wanted), reference)
    answers = pl.concat([_one_mapping(context, way, line, reference, side, each) for way, each in enumerate(asked)])
    if hop is not None and not (hops_here and reference.conditions):
        answers = _of_one_table(answers)
    # Conditions say of each way that it is meant, coupled or not: the first wins, and its record is waited for.
    first = pl.col("rank").clip(upper_bound=0) if hops_here and reference.conditions else pl.col("rank")
    best = answers.sort(first, "way", maintain_order=True).unique("value", keep="first", maintain_order=True)
    best = best.select("value", "way", "translated", "reason", "rank")
    if hop is not None and not hops_here:
        best = _hop_back(context.tables.hops[hop.table], best, reference)
    joined = values.to_frame().join(best, on="value", how="left", maintain_order="left")
    if reference.blank is not None and side is Side.RIGHT:  # what blank stands for on the left is blank again there
        joined = joined.with_columns(pl.when(pl.col("translated") != reference.blank).then("translated"))
    return joined.with_columns(
        pl.when(pl.col("rank").is_null()).then(pl.lit(UNKNOWN)).otherwise("reason").alias("reason")
    ).select(*_ANSWER)


def _one_mapping(
    context: JobContext, way: int, line: Line, reference: Reference, side: Side, steps: pl.DataFrame
) -> pl.DataFrame:
    """Through the couplings of one mapping, the reference's number `way`. `rank`: -1 several records are meant, 0
    translated, 1 not coupled yet; what no record answers is left out. `step`, `table`: what was looked for, and where
    it was found.
    """
    name = reference.mappings[way]
    here, there = context.tables.referenced[name][side], context.tables.referenced[name][side.other]
    own_name = line.mapping.name(side)
    by_here = referenced_field(context.tables[side].shape.field(own_name or ""), reference, side, here.shape)
    by_there = referenced_field(line.shape(side.other), reference, side.other, there.shape)
    known = _ids_of(here, steps, by_here)
    partners = context.store.partners([name], side, known["id"])
    known = known.join(partners, on="id", how="left", maintain_order="left")
    if by_there:
        far = there.table.fetch(known["partner"].drop_nulls().unique(), Want((by_there,)))
        far = far.select(pl.col(ID).alias("partner"), pl.col(by_there).cast(pl.String).alias("translated"))
        known = known.join(far, on="partner", how="left", maintain_order="left")
    else:
        known = known.with_columns(pl.col("partner").alias("translated"))
    several, waiting = pl.col("id").n_unique().over("value") > 1, pl.col("translated").is_null()
    return known.select(
        "value",
        "step",
        pl.lit(way).alias("way"),
        pl.lit(here.shape.name).alias("table"),
        "translated",
        pl.when(several).then(pl.lit(AMBIGUOUS)).when(waiting).then(pl.lit(WAITING)).alias("reason"),
        pl.when(several).then(-1).when(waiting).then(1).otherwise(0).alias("rank"),
    )


def _of_one_table(answers: pl.DataFrame) -> pl.DataFrame:
    """What a look-up table leads to says nothing of the table it is in, unless the reference has conditions: a customer
    and a vendor with the same number are told apart by nobody, so neither is taken.
    """
    twice = pl.col("table").n_unique().over("value", "step") > 1
    return answers.with_columns(
        pl.when(twice).then(pl.lit(AMBIGUOUS)).otherwise("reason").alias("reason"),
        pl.when(twice).then(-1).otherwise("rank").alias("rank"),
    )


def _ids_of(table: OpenTable, steps: pl.DataFrame, by: str) -> pl.DataFrame:
    """`value`, `step`, `id` of the records of a referenced table that the steps name; those that do not exist are left
    out.
    """
    if by:
        found = _find(table, steps["step"], by)
        return steps.join(found, on="step", how="inner").select("value", "step", pl.col(ID).alias("id"))
    existing = table.table.fetch(steps["step"].drop_nulls().unique(), Want(()))[ID]
    return steps.filter(pl.col("step").is_in(existing.implode())).select("value", "step", pl.col("step").alias("id"))


def _look(table: OpenTable, steps: pl.DataFrame, fields: tuple[str, str], reference: Reference) -> list[pl.DataFrame]:
    """Follow the steps through a look-up table, from the first of two of its fields to the other: for each mapping of
    the reference the steps on the rows that lead to it.
    """
    given, wanted = fields
    found = _find(table, steps["step"], given)
    rows = table.table.fetch(found[ID].unique(), Want(tuple(dict.fromkeys((wanted, *reference.tested)))))
    led = [
        rows if condition is None else rows.filter(to_polars(condition, table.shape)) for _, condition in reference.ways
    ]
    following = [some.select(ID, pl.col(wanted).cast(pl.String).alias("next")) for some in led]
    reached = steps.join(found, on="step")
    return [
        reached.join(some, on=ID, maintain_order="left").select("value", pl.col("next").alias("step")).drop_nulls()
        for some in following
    ]


def _hop_back(table: OpenTable, best: pl.DataFrame, reference: Reference) -> pl.DataFrame:
    """From the field of the referenced record back through the look-up table to the value of the line, over the rows
    that lead to its mapping.
    """
    hop = reference.hop
    assert hop is not None, "only a reference with a look-up table goes back through it"
    steps = best.filter(pl.col("translated").is_not_null()).select("value", "way", pl.col("translated").alias("step"))
    found = _look(table, steps.drop("way"), (hop.wanted, hop.given), reference)
    taken = pl.concat(
        [each.join(steps.filter(pl.col("way") == way), on="value", how="semi") for way, each in enumerate(found)]
    ).group_by("value")
    back = taken.agg(pl.col("step").first().alias("back"), pl.col("step").n_unique().alias("steps"))
    joined = best.join(back, on="value", how="left", maintain_order="left")
    lost = pl.col("translated").is_not_null() & pl.col("back").is_null()
    reason = pl.when(lost).then(pl.lit(UNKNOWN)).when(pl.col("steps") > 1).then(pl.lit(AMBIGUOUS)).otherwise("reason")
    return joined.with_columns(pl.col("back").alias("translated"), reason.alias("reason")).select(
        "value", "translated", "reason", "rank"
    )


def _find(table: OpenTable, texts: pl.Series, by: str) -> pl.DataFrame:
    """`step`, ID of the records whose field `by` holds these texts."""
    shape = table.shape.field(by)
    assert shape is not None, "configuration has checked the field"
    distinct = texts.drop_nulls().unique().alias("step")
    keys = pl.DataFrame({OP: pl.int_range(len(distinct), eager=True), "step": distinct})
    typed = keys.select(OP, pl.col("step").cast(dtype(shape), strict=False).alias(by))
    return keys.join(table.table.find(typed.drop_nulls(), False), on=OP).select("step", ID)


def _hop_side(context: JobContext, hop: Hop | None) -> Side | None:
    """The side whose system the look-up table belongs to."""
    if hop is None:
        return None
    return Side.LEFT if hop.table.system == context.bound.mapping.left.system else Side.RIGHT


def referenced_field(own: FieldShape | None, reference: Reference, side: Side, table: TableShape) -> str:
    """Which field of the referenced table a value holds; '' = its id.

    As the configuration says; else what the foreign key says; else the key, unless that is of another kind and exactly
    one unique field fits.
    """
    said = reference.left_by if side is Side.LEFT else reference.right_by
    if said is None and own is not None and own.references is not None and own.references[0] == table.name:
        said = own.references[1]
    if said is None:
        said = _only_fitting(own, table)
    return "" if (said,) == table.key else said


def _only_fitting(own: FieldShape | None, table: TableShape) -> str:
    key = table.field(table.key[0])
    if own is None or key is None or len(table.key) > 1:
        return table.key[0]
    texts = (Kind.TEXT, Kind.CODE)
    fits = [
        f.name for f in table.fields if f.unique and f.name not in table.key and own.kind in texts and f.kind in texts
    ]
    return fits[0] if key.kind in (Kind.UUID, Kind.INTEGER) and own.kind in texts and len(fits) == 1 else table.key[0]
