"""The users of a simulated world: what they do to both systems, and what the world remembers of it.

This memory is the truth the laws are checked against; it shares nothing with the engine.
"""

import random
from dataclasses import dataclass, field
from datetime import timedelta

from koppel.model.bound import Identity
from koppel.model.policy import Side
from koppel.ports import TableOptions
from koppel.testing.world_systems import WorldSystem, WorldTable
from koppel.testing.world_tables import GROUP, TAG, TWO_WAY, ZONE, Setting

EDITED = (*TWO_WAY, *GROUP, "note", "grade")
"""Fields whose every new value is unique in the world."""


@dataclass(frozen=True)
class Edit:
    """One value a user typed: where, of which record (by id and by tag), and which edit it was."""

    number: int
    side: Side
    record: str
    tag: str
    field: str
    value: str | None
    first: bool = False
    """Typed when the record was made."""


@dataclass
class Users:
    """Both systems' users.

    `edits`: every value typed; `deleted`: (side, tag) of what a user deleted, `last_words`: how many edits there had
    been when the record (side, id) was deleted; `made`: all tags.
    """

    setting: Setting
    systems: tuple[WorldSystem, WorldSystem]
    draw: random.Random
    edits: list[Edit] = field(default_factory=list)
    deleted: set[tuple[Side, str]] = field(default_factory=set)
    last_words: dict[tuple[Side, str], int] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    steps: int = 0

    def table(self, side: Side, name: str = "contact") -> WorldTable:
        """A table of that side."""
        return self.systems[side].table(name, TableOptions())

    def act(self) -> None:
        """One user does one thing."""
        actions = (self.create, self.create, self.create_on_both, self.delete, self.move, self.belong)
        weights = (2, 2, 1, 1, 1, 2)
        if self.draw.random() < 0.6:
            self.edit()
        else:
            self.draw.choices(actions, weights)[0]()

    def tags(self, side: Side) -> set[str]:
        """The business keys of all contacts of that side."""
        return {str(record[TAG]) for record in self.table(side).records().values()}

    def create(self, side: Side | None = None) -> None:
        """A new record on one side."""
        self._put(self.draw.choice(list(Side)) if side is None else side, self._new_tag(), None)

    def create_on_both(self) -> None:
        """Two users make the same person at the same time; an e-mail address tells."""
        tag = self._new_tag()
        for side in Side:
            self._put(side, tag, f"{tag}@example.org")

    def edit(self, side: Side | None = None, names: tuple[str, ...] = (), tag: str | None = None) -> None:
        """A record changes in one or two fields; sometimes one is cleared, sometimes the stamp is a little late."""
        side = self.draw.choice(list(Side)) if side is None else side
        record = self._any(side, tag)
        if record is None:
            return
        id_, tag = record
        names = names or tuple(self.draw.sample(EDITED, self.draw.choice([1, 1, 2])))
        values = {name: None if self.draw.random() < 0.12 else self._typed(name) for name in names}
        late: dict[str, object] = {}
        if self.draw.random() < 0.2:
            moment = self.systems[side].now() - timedelta(seconds=1, microseconds=self.draw.randrange(1, 999_999))
            late = {"modified": moment}
        self.table(side).edit(id_, {**values, **late})
        for name, value in values.items():
            self._remember(Edit(len(self.edits), side, id_, tag, name, value))

    def delete(self, side: Side | None = None, tag: str | None = None) -> None:
        """A record is deleted."""
        side = self.draw.choice(list(Side)) if side is None else side
        record = self._any(side, tag)
        if record is not None:
            self.deleted.add((side, record[1]))
            self.last_words[side, record[0]] = len(self.edits)
            self.table(side).remove(record[0])

    def move(self) -> None:
        """A record on the left leaves the filter, or comes back."""
        record = self._any(Side.LEFT)
        if record is not None:
            outside = self.table(Side.LEFT).records()[record[0]][ZONE]
            self.table(Side.LEFT).edit(record[0], {ZONE: None if outside else "elsewhere"})

    def belong(self) -> None:
        """A contact gets another company, or a company is founded (on the left), or renamed."""
        if not self.setting.families:
            return
        side, choice = self.draw.choice(list(Side)), self.draw.random()
        companies = sorted(self.table(side, "company").records())
        if choice < 0.3 or not companies:
            tag = self._new_tag()
            self.table(Side.LEFT, "company").put(tag, {TAG: tag, "name": tag})
        elif choice < 0.4:
            left = sorted(self.table(Side.LEFT, "company").records())
            self.table(Side.LEFT, "company").edit(self.draw.choice(left), {"name": self._typed("name")})
        else:
            record = self._any(side)
            if record is not None:
                self.table(side).edit(record[0], {"company": self.draw.choice([None, *companies])})

    # ---- what they remember

    def take_over(self, other: "Users") -> None:
        """Remember what the users of another world remember."""
        self.edits, self.made, self.steps = list(other.edits), list(other.made), other.steps
        self.deleted, self.last_words = set(other.deleted), dict(other.last_words)

    def _typed(self, name: str) -> str:
        self.steps += 1
        return f"{name}-{self.steps}"

    def _new_tag(self) -> str:
        tag = f"T{len(self.made):04d}"
        self.made.append(tag)
        return tag

    def _put(self, side: Side, tag: str, email: str | None) -> None:
        number = 100_000 + len(self.made)
        ids = {Identity.KEY: tag, Identity.CLIENT: f"{'ab'[side]}{number:07d}-0000-4000-8000-000000000000"}
        id_ = ids.get(self.setting.identity, str(number))
        names = self.draw.sample(EDITED, self.draw.choice([1, 2, 3]))
        values = {name: self._typed(name) for name in names}
        self.table(side).put(id_, {TAG: tag, "email": email, **values})
        for name in names:
            value = self.table(side).records()[id_][name]  # as the system took it
            self._remember(Edit(len(self.edits), side, id_, tag, name, str(value), first=True))

    def _remember(self, edit: Edit) -> None:
        self.edits.append(edit)

    def _any(self, side: Side, tag: str | None = None) -> tuple[str, str] | None:
        records = sorted((str(record[TAG]), id_) for id_, record in self.table(side).records().items())
        records = [record for record in records if tag in (None, record[0])]
        if not records:
            return None
        tag, id_ = self.draw.choice(records)
        return id_, tag
