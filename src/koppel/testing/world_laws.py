"""The laws of every history (DESIGN 7), checked against what the world itself remembers of its users."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from koppel.connectors.memory import Record
from koppel.model.coupling import LEFT_ID, RIGHT_ID, ConflictKind
from koppel.model.listing import Conflict, ErrorRecord
from koppel.model.mapping import Mapping
from koppel.model.policy import Direction, Side
from koppel.store import SqlStore
from koppel.testing.world_systems import WorldTable
from koppel.testing.world_tables import COMPANIES, CONTACTS, TAG, ZONE
from koppel.testing.world_users import Edit, Users

DELETION, UPDATE = str(ConflictKind.DELETION), str(ConflictKind.UPDATE)


@dataclass
class Laws:
    """The state of a world after it has come to rest. `broken()` names every law that does not
    hold, with its record.
    """

    mapping: Mapping
    users: Users
    store: SqlStore
    couplings: dict[str, list[tuple[str, str]]] = field(init=False)
    conflicts: dict[tuple[str, str], Conflict] = field(init=False)
    errors: dict[tuple[Side, str], ErrorRecord] = field(init=False)

    def __post_init__(self) -> None:
        """Read the store once."""
        self.couplings = {name: pairs_of(self.store, name) for name in (CONTACTS, COMPANIES)}
        self.conflicts = {(c.left_id, c.right_id): c for c in self.store.conflicts(CONTACTS)}
        self.errors = {(e.side, e.record): e for e in self.store.errors(CONTACTS)}

    def broken(self) -> list[str]:
        """Everything that is not as it must be."""
        whole = (self._duplicates, self._one_to_one, self._journal, self._all_coupled)
        checks = (*whole, self._equal, self._no_edit_lost, self._no_false_conflict)
        return [text for check in checks for text in check()]

    def table(self, side: Side) -> WorldTable:
        """The contacts of that side."""
        return self.users.table(side)

    def _duplicates(self) -> Iterator[str]:
        """At most one record per business key and side."""
        for side in Side:
            tags = Counter(record[TAG] for record in self.table(side).records().values())
            yield from (f"{number} records {tag} on the {side.word}" for tag, number in tags.items() if number > 1)

    def _one_to_one(self) -> Iterator[str]:
        for name, pairs in self.couplings.items():
            for side in Side:
                ids = Counter(pair[side] for pair in pairs)
                yield from (f"{name}: {id_} on the {side.word} is coupled {n} times" for id_, n in ids.items() if n > 1)

    def _journal(self) -> Iterator[str]:
        for name in self.couplings:
            if self.store.open_intents(name):
                yield f"{name}: the journal is not empty"

    def _all_coupled(self) -> Iterator[str]:
        """Every record that the mapping may carry is coupled, unless an error or a person's deletion says why not."""
        coupled = [{pair[side] for pair in self.couplings[CONTACTS]} for side in Side]
        for side in Side:
            if not self.mapping.direction.reaches(side.other):
                continue
            for id_, record in self.table(side).records().items():
                excused = (side, id_) in self.errors or (side.other, record[TAG]) in self.users.deleted or record[ZONE]
                if id_ not in coupled[side] and not excused:
                    yield f"{record[TAG]} on the {side.word} is not coupled, and nothing says why"

    def _equal(self) -> Iterator[str]:
        """Both sides say the same in every mapped field, where nothing is open."""
        left, right = (self.table(side).records() for side in Side)
        for pair in self.couplings[CONTACTS]:
            here, there = left.get(pair[0]), right.get(pair[1])
            if here is None or there is None:
                if not self._open(pair, None) and here is not there:
                    yield f"{pair}: one record is gone and nothing is open"
                continue
            for line in self.mapping.fields:
                name = line.left or ""
                values = self._comparable(name, here, there)
                if values[0] != values[1] and not self._open(pair, name) and not self._drift(pair, name, (here, there)):
                    yield f"{here[TAG]}.{name}: {values[0]!r} and {values[1]!r}, and nothing is open"

    def _comparable(self, name: str, left: Record, right: Record) -> tuple[object, object]:
        if name == "name" and self.users.setting.shouts:
            return str(left[name]).lower(), str(right[name]).lower()
        if name != "company" or left[name] is None:
            return left[name], right[name]
        return dict(self.couplings[COMPANIES]).get(str(left[name]), "not coupled"), right[name]

    def _open(self, pair: tuple[str, str], name: str | None) -> bool:
        """Whether a conflict, an error or the filter holds this field of the pair (None: the whole pair)."""
        if any((side, pair[side]) in self.errors for side in Side):
            return True
        left = self.table(Side.LEFT).records().get(pair[0])
        if left is not None and left[ZONE]:
            return True
        conflict = self.conflicts.get(pair)
        if conflict is None:
            return False
        whole = conflict.kind == DELETION or self.mapping.conflict_scope == "record"
        return whole or name in conflict.fields

    def _drift(self, pair: tuple[str, str], name: str, records: tuple[Record, Record]) -> bool:
        """Whether the receiver of a one-way field holds what its own user typed there."""
        line = next(line for line in self.mapping.fields if line.left == name)
        narrowed = self.mapping.direction if line.direction is Direction.BOTH else line.direction
        if narrowed is Direction.BOTH:
            return False
        receiver = Side.RIGHT if narrowed is Direction.TO_RIGHT else Side.LEFT
        source = records[receiver.other][name]
        typed = [e.value for e in self.users.edits if (e.side, e.record, e.field) == (receiver, pair[receiver], name)]
        return name == "company" or records[receiver][name] in typed or source is None

    def _no_edit_lost(self) -> Iterator[str]:
        """Every value a user typed stands on both sides, was superseded there by its own side, or is kept somewhere."""
        mapped = {line.left for line in self.mapping.fields}
        latest = {(e.side, e.record, e.field): e for e in self.users.edits if e.field in mapped}
        pairs = {(side, pair[side]): pair for pair in self.couplings[CONTACTS] for side in Side}
        for (side, record, _), edit in latest.items():
            now = self.table(side).records().get(record)
            if edit.number < self.users.last_words.get((side, record), 0):
                continue  # its own user deleted it
            if (now is None or now[edit.field] != edit.value) and not self._kept(edit, pairs):
                yield f"{edit}: overwritten by {now and now[edit.field]!r}, and kept nowhere"

    def _kept(self, edit: Edit, pairs: dict[tuple[Side, str], tuple[str, str]]) -> bool:
        """Whether the history or an open conflict holds the value; a blank text is as good as none."""
        history = self.store.history_of(CONTACTS, edit.side, edit.record)
        if any((entry.field, entry.before or None) == (edit.field, edit.value) for entry in history):
            return True
        conflict = self.conflicts.get(pairs.get((edit.side, edit.record), ("", "")))
        if conflict is None:
            return False
        return edit.value in [value or None for value in (*conflict.left_values, *conflict.right_values)]

    def _no_false_conflict(self) -> Iterator[str]:
        """A person is asked about an update only when both sides' users really changed one of its fields."""
        for pair, conflict in self.conflicts.items():
            for side in Side:
                typed = [e for e in self.users.edits if (e.side, e.record) == (side, pair[side]) and not e.first]
                touched = {e.field for e in typed} | {"company"}
                if conflict.kind == UPDATE and not touched & set(conflict.fields):
                    yield f"{pair}: a conflict in {conflict.fields}, but nobody edited that on the {side.word}"


def pairs_of(store: SqlStore, mapping: str) -> list[tuple[str, str]]:
    """All coupled pairs of a mapping."""
    return [store.coupling(number).select(LEFT_ID, RIGHT_ID).row(0) for number in store.all_couplings(mapping)]
