"""Histories of writes, applied to a sandbox and to a dictionary (wire 5.5): both hold the same, and the feed tells what
has changed between any two looks.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from koppel.sandbox.dataverse.bulk import PREFIX
from koppel.sandbox.rows import Key, Keyed, Rows
from tests.sandbox.web import Web, web

IDS = st.sampled_from([f"{number:08x}-0000-4000-8000-000000000000" for number in range(5)])
NUMBERS = st.sampled_from([None, "A", "a", "B", "ß"])
VALUES = st.integers(0, 3)
FEW = settings(max_examples=30, stateful_step_count=25)


class Taken(Exception):
    """The refusal of a row that takes the key of another one."""


class Undone(Exception):
    """Ends a transaction that is to leave nothing."""


class Table(NamedTuple):
    """A table with one key."""

    name: str = "thing"
    keys: tuple[Key, ...] = (Key("number", ("no",)),)


class Stored(RuleBasedStateMachine):
    """The row store under both sandboxes, next to a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = Rows(["thing"], "version", self.refusal)
        self.model: dict[str, dict[str, Any]] = {}
        self.buried: set[str] = set()
        self.last = self.rows.version

    @staticmethod
    def refusal(table: Keyed, key: Key, holder: str) -> Exception:
        return Taken(holder)

    def holder(self, no: str | None) -> str | None:
        """Who has a number, whatever its case."""
        return next(
            (id_ for id_, row in self.model.items() if no and (row["no"] or "").casefold() == no.casefold()), None
        )

    @rule(id_=IDS, no=NUMBERS, value=VALUES)
    def put(self, id_: str, no: str | None, value: int) -> None:
        holder = self.holder(no)
        try:
            self.rows.put(Table(), id_, {"no": no, "value": value})
        except Taken as taken:
            assert holder not in (None, id_) and taken.args == (holder,)
        else:
            assert holder in (None, id_)
            self.model[id_] = {"no": no, "value": value}

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.model)))
        self.rows.remove(Table(), id_)
        del self.model[id_]
        self.buried.add(id_)

    @rule(writes=st.lists(st.tuples(IDS, NUMBERS, VALUES, st.booleans()), max_size=4))
    def a_transaction_that_fails(self, writes: list[tuple[str, str | None, int, bool]]) -> None:
        """Nothing of it stays, and it says so to nobody."""
        with pytest.raises((Undone, Taken)), self.rows.transaction():
            for id_, no, value, removed in writes:
                if removed and self.rows.get("thing", id_) is not None:
                    self.rows.remove(Table(), id_)
                self.rows.put(Table(), id_, {"no": no, "value": value})
            raise Undone

    @invariant()
    def both_hold_the_same(self) -> None:
        held = self.rows.tables["thing"]
        assert {id_: {"no": row["no"], "value": row["value"]} for id_, row in held.items()} == self.model
        assert self.rows.tombstones["thing"].keys() == self.buried

    @invariant()
    def keys_find_whom_they_name(self) -> None:
        (key,) = Table().keys
        for no in ("A", "b", "ß", "SS"):
            assert self.rows.by_key(Table(), key, (no,)) == self.holder(no)

    @invariant()
    def versions_are_given_once_and_grow(self) -> None:
        versions = [row["version"] for row in self.rows.tables["thing"].values()]
        versions += self.rows.tombstones["thing"].values()
        assert len({*versions}) == len(versions) and max(versions, default=0) <= self.rows.version
        assert self.rows.version >= self.last
        self.last = self.rows.version


@dataclass
class Look:
    """A delta link, and what there was when it was got."""

    link: str
    held: dict[str, dict[str, Any]]


class Answered(RuleBasedStateMachine):
    """The Web API of Dataverse, next to a dictionary: account id to name and number."""

    looks: Bundle[Look] = Bundle("looks")

    def __init__(self) -> None:
        super().__init__()
        self.crm: Web = web()
        self.model: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, str] = {}

    def taken(self, id_: str, no: str | None) -> bool:
        """Whether another account has the number."""
        return any(
            other != id_ and no and (row["accountnumber"] or "").casefold() == no.casefold()
            for other, row in self.model.items()
        )

    def body(self, no: str | None, value: int) -> dict[str, Any]:
        return {"name": f"n{value}", "accountnumber": no}

    @rule(id_=IDS, no=NUMBERS, value=VALUES)
    def create(self, id_: str, no: str | None, value: int) -> None:
        body = self.body(no, value)
        answer = self.crm.post("accounts", {"accountid": id_, **body})
        refused = id_ in self.model or self.taken(id_, no)
        assert answer.status == (412 if refused else 204)
        if not refused:
            self.model[id_] = body

    @rule(id_=IDS, no=NUMBERS, value=VALUES, condition=st.sampled_from(["", "*", "mine", "stale"]))
    def patch(self, id_: str, no: str | None, value: int, condition: str) -> None:
        """Without a condition it creates what is not there (wire 1.3)."""
        body = self.body(no, value)
        there, tag = id_ in self.model, self.tags.get(id_, 'W/"0"')
        match = {"": {}, "*": {"if_match": "*"}, "mine": {"if_match": tag}, "stale": {"if_match": 'W/"1"'}}[condition]
        answer = self.crm.call("PATCH", f"accounts({id_})", body, **match)
        if condition and not there:
            assert answer.status == 404
        elif condition == "stale" or self.taken(id_, no):
            assert answer.status == 412
        else:
            assert answer.status == 204
            self.model[id_] = body

    @rule(id_=IDS)
    def delete(self, id_: str) -> None:
        assert self.crm.call("DELETE", f"accounts({id_})").status == (204 if id_ in self.model else 404)
        self.model.pop(id_, None)

    @rule(several=st.lists(st.tuples(IDS, NUMBERS, VALUES), min_size=1, max_size=3, unique_by=lambda one: one[0]))
    def create_all_or_none(self, several: list[tuple[str, str | None, int]]) -> None:
        """One transaction (wire 1.8)."""
        after = dict(self.model)
        for id_, no, value in several:
            numbers = {(row["accountnumber"] or "").casefold() for row in after.values()} - {""}
            if id_ in after or (no or "").casefold() in numbers:
                after = {}
                break
            after[id_] = self.body(no, value)
        bodies = [
            {"@odata.type": f"{PREFIX}account", "accountid": id_, **self.body(no, value)} for id_, no, value in several
        ]
        answer = self.crm.post(f"accounts/{PREFIX}CreateMultiple", {"Targets": bodies})
        assert answer.status == (200 if after else 412)
        self.model = after or self.model

    @rule(target=looks)
    def look(self) -> Look:
        page = self.crm.get("accounts?$select=name,accountnumber", prefer="odata.track-changes").json
        return Look(page["@odata.deltaLink"], dict(self.model))

    @rule(look=looks)
    def changes_since(self, look: Look) -> None:
        """Every difference is told, nothing that is not there, and what was told last is how it is."""
        told = self.crm.get(look.link).rows
        gone = {one["id"] for one in told if "reason" in one}
        rows = {
            one["accountid"]: {name: one[name] for name in ("name", "accountnumber")} for one in told if "name" in one
        }
        assert gone >= look.held.keys() - self.model.keys() and not gone & self.model.keys()
        assert {id_ for id_, row in self.model.items() if look.held.get(id_) != row} <= rows.keys()
        assert all(self.model[id_] == row for id_, row in rows.items())

    @invariant()
    def both_hold_the_same(self) -> None:
        rows = self.crm.get("accounts?$select=name,accountnumber").rows
        held = {row["accountid"]: {name: row[name] for name in ("name", "accountnumber")} for row in rows}
        assert held == self.model
        self.tags = {row["accountid"]: row["@odata.etag"] for row in rows}


@pytest.mark.parametrize("machine", [Stored, Answered])
def test_what_is_held_is_what_a_dictionary_would_hold(machine: type[RuleBasedStateMachine]) -> None:
    run_state_machine_as_test(machine, settings=FEW)


@pytest.mark.slow
@pytest.mark.parametrize("machine", [Stored, Answered])
def test_longer_histories(machine: type[RuleBasedStateMachine]) -> None:
    run_state_machine_as_test(machine, settings=settings(stateful_step_count=100))
