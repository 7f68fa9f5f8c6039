"""What the store promises, whatever database it is kept in: constraints, transactions, leases, the retry set, lining
up.
"""

from types import SimpleNamespace

import polars as pl
import pytest

from koppel.errors import ConfigurationError, LeaseLost, StoreFailure
from koppel.model.coupling import ASIDE_SCHEMA, CONFLICT_SCHEMA, COUPLING, Settlement
from koppel.model.job import Counts, JobKind, JobState, Tally
from koppel.model.policy import Side
from koppel.model.values import ID, VERSION
from koppel.ports import Watermark
from koppel.store import SqlStore, open_store
from koppel.store.database import unfit
from tests.store.shelf import NOTHING_ASIDE, Shelf, couplings, error, intent, job, lined_up, settle


def _named(*records: tuple[str, str | None]) -> pl.DataFrame:
    return pl.DataFrame(list(records), schema={ID: pl.String(), VERSION: pl.String()}, orient="row")


class TestCouplings:
    def test_are_one_to_one(self, store: SqlStore) -> None:
        """DESIGN 7: a row refused by a unique constraint becomes an unknown outcome with both ids while the rest
        settles.
        """
        at = job(store)
        settle(store, at, couplings=couplings(("l1", "r1")))
        settle(store, at, couplings=couplings(("l1", "r2"), ("l3", "r3")))
        found = store.coupled("CUSTOMER", Side.LEFT, pl.Series(["l1", "l3"]))
        assert found.select("left_id", "right_id").rows() == [("l1", "r1"), ("l3", "r3")]
        (left_over,) = store.errors()
        assert (left_over.record, left_over.other, left_over.code) == ("l1", "r2", "unknown_outcome")

    def test_of_one_mapping_do_not_bind_another(self, store: SqlStore) -> None:
        """Semantics 4.7.2: an account may be coupled to a customer and to a vendor."""
        settle(store, job(store, "CUSTOMER"), couplings=couplings(("c1", "a1")))
        settle(store, job(store, "VENDOR"), couplings=couplings(("v1", "a1")))
        assert store.count_couplings("CUSTOMER") == store.count_couplings("VENDOR") == 1

    def test_of_a_generation_that_is_over_are_not_moved(self, store: SqlStore) -> None:
        """Manual verbs bump the generation; what a job knew before changes nothing."""
        at = job(store)
        settle(store, at, couplings=couplings(("l1", "r1")))
        number = store.coupled("CUSTOMER", Side.LEFT, pl.Series(["l1"]))[COUPLING][0]
        stale = couplings(("l1", "r1"), generation=7, left_version="9").with_columns(pl.lit(number).alias(COUPLING))
        settle(store, at, couplings=stale)
        assert store.coupling(number)["left_version"][0] == "1"

    def test_taken_away_by_hand_are_kept_apart(self, store: SqlStore) -> None:
        settle(store, job(store), couplings=couplings(("l1", "r1")))
        store.uncouple("CUSTOMER", store.all_couplings("CUSTOMER"), apart=True)
        assert store.apart("CUSTOMER", Side.RIGHT, pl.Series(["r1"])).rows() == [("r1", "l1", False)]
        by_hand = pl.DataFrame({"left_id": ["l1", "l2", "l3"], "right_id": ["r1", "r2", "r1"]})
        assert store.couple("CUSTOMER", by_hand) == 2  # a record that is coupled already is left alone
        assert len(store.apart("CUSTOMER", Side.LEFT, pl.Series(["l1"]))) == 0

    def test_translate_references_by_the_first_mapping_that_has_one(self, store: SqlStore) -> None:
        settle(store, job(store, "CUSTOMER"), couplings=couplings(("x", "a1")))
        settle(store, job(store, "VENDOR"), couplings=couplings(("x", "a2"), ("y", "a3")))
        found = store.partners(["CUSTOMER", "VENDOR"], Side.LEFT, pl.Series(["x", "y", "z", None]))
        assert sorted(found.rows()) == [("x", "a1"), ("y", "a3")]

    def test_are_found_by_ids_of_any_shape(self, store: SqlStore) -> None:
        """Ids are other people's texts: one parameter holds thousands of them, whatever is in them."""
        odd = [
            "",
            " ",
            "NULL",
            "null",
            "\\N",
            'a"b',
            "a,b",
            "{a}",
            "a\\",
            "it's",
            "a\tb\r\nc",
            "日本 😀",
            "%s",
            ":x",
            "x" * 2000,
        ]
        settle(store, job(store), couplings=couplings(*((text, f"r{text}") for text in odd)))
        found = store.coupled("CUSTOMER", Side.LEFT, pl.Series([*odd, None, "not there"]))
        assert sorted(found["left_id"]) == sorted(odd)
        numbers = found[COUPLING].to_list()
        assert len(store.uncouple("CUSTOMER", [*numbers[:3], -5], apart=False)) == 3
        assert len(store.uncouple("CUSTOMER", [], apart=False)) == 0


class TestLeases:
    def test_hold_off_a_living_worker(self, shelf: Shelf) -> None:
        job(shelf.open("one"))
        with pytest.raises(LeaseLost, match="one"):
            job(shelf.open("two"))

    def test_of_a_dead_process_are_free_at_once(self, shelf: Shelf) -> None:
        first = job(shelf.open("one"))
        shelf.dead.add("one")
        second = shelf.open("two")
        job(second)
        assert {record.id: record.state for record in second.jobs()}[first.id] is JobState.INTERRUPTED

    def test_run_out(self, shelf: Shelf) -> None:
        job(shelf.open("one"))
        shelf.later(hours=1)
        job(shelf.open("two"))

    def test_taken_over_make_the_late_worker_harmless(self, shelf: Shelf) -> None:
        """A settle refused by epoch changes nothing."""
        late = shelf.open("one")
        at = job(late)
        (number,) = late.intend(at, Settlement(), [intent()], NOTHING_ASIDE)
        shelf.later(hours=1)
        job(shelf.open("two"))
        with pytest.raises(LeaseLost):
            late.settle(at, number, Settlement(couplings=couplings(("l1", "r1"))))
        assert late.count_couplings("CUSTOMER") == 0
        assert [intent.id for intent in late.open_intents("CUSTOMER")] == [number]


class TestJournal:
    def test_keeps_an_intent_until_it_is_settled(self, store: SqlStore) -> None:
        at = job(store)
        (number,) = store.intend(at, Settlement(), [intent()], NOTHING_ASIDE)
        (found,) = store.open_intents("CUSTOMER")
        assert found.intent.rows.equals(intent().rows)
        store.settle(at, number, Settlement(tally=Tally(to_right=Counts(inserted=1))))
        assert store.open_intents("CUSTOMER") == []
        assert store.jobs()[0].tally.total.inserted == 1

    def test_keeps_the_id_chosen_for_a_create_that_did_not_come_to_be(self, store: SqlStore) -> None:
        at = job(store)
        (number,) = store.intend(at, Settlement(), [intent()], NOTHING_ASIDE)
        store.abandon(at, number, Settlement(), pl.DataFrame({"id": ["l1"], "chosen": ["r1"]}))
        assert store.chosen_ids("CUSTOMER", Side.RIGHT, pl.Series(["l1", "l2"])).rows() == [("l1", "r1")]
        settle(store, at, couplings=couplings(("l1", "r1")))
        assert len(store.chosen_ids("CUSTOMER", Side.RIGHT, pl.Series(["l1"]))) == 0


class TestRetrySet:
    def test_counts_the_same_failure_once_a_job(self, store: SqlStore) -> None:
        first = job(store)
        settle(store, first, errors=error("l1"))
        settle(store, first, errors=error("l1"))
        assert store.errors()[0].times == 1
        settle(store, job(store), errors=error("l1"))
        assert store.errors()[0].times == 2

    def test_begins_again_with_another_failure(self, store: SqlStore) -> None:
        settle(store, job(store), errors=error("l1"))
        settle(store, job(store), errors=error("l1", code="not_a_date"))
        assert (store.errors()[0].times, store.errors()[0].code) == (1, "not_a_date")

    def test_forgets_a_record_that_went_well(self, store: SqlStore) -> None:
        at = job(store)
        settle(store, at, errors=error("l1"))
        settle(store, at, cleared=pl.DataFrame({"side": [0], "record": ["l1"]}))
        assert store.errors() == []

    def test_is_lifted_by_retry_and_by_a_changed_mapping(self, store: SqlStore) -> None:
        skipped = error("l1").with_columns(skipped=pl.lit(True))
        settle(store, job(store), errors=skipped)
        assert store.retry(None, None) == 1
        settle(store, job(store), errors=skipped)
        job(store, document='{"changed": true}')
        assert not store.errors()[0].skipped


class TestLiningUp:
    def test_leaves_out_what_still_has_the_version_we_know(self, store: SqlStore) -> None:
        """Our own echo is no change."""
        at = job(store)
        settle(store, at, couplings=couplings(("l1", "r1"), ("l2", "r2")))
        store.begin_due(at)
        store.add_due(Side.LEFT, _named(("l1", "1"), ("l2", "2")))
        assert store.line_up(at, lone=False, swept=[], layout=1) == 1
        assert lined_up(store, at) == [("l2", "r2")]

    def test_names_a_pair_once_whoever_names_it(self, store: SqlStore) -> None:
        at = job(store)
        settle(store, at, couplings=couplings(("l1", "r1"), left_version=None), errors=error("l1"))
        store.begin_due(at)
        store.add_due(Side.LEFT, _named(("l1", None)))
        store.add_due(Side.RIGHT, _named(("r1", "2")))
        store.line_up(at, lone=True, swept=[], layout=1)
        assert lined_up(store, at) == [("l1", "r1")]

    def test_considers_uncoupled_records_only_when_asked(self, store: SqlStore) -> None:
        at = job(store)
        store.begin_due(at)
        store.add_due(Side.LEFT, _named(("l1", "1")))
        store.add_due(Side.RIGHT, _named(("r9", "1")))
        store.line_up(at, lone=False, swept=[], layout=1)
        assert lined_up(store, at) == []
        store.line_up(at, lone=True, swept=[], layout=1)
        assert lined_up(store, at) == [("l1", None), (None, "r9")]

    def test_suspects_coupled_records_that_a_sweep_did_not_find(self, store: SqlStore) -> None:
        at = job(store)
        settle(store, at, couplings=couplings(("l1", "r1"), ("l2", "r2")))
        store.begin_due(at)
        store.add_present(Side.LEFT, pl.Series(["l1"]))
        assert store.missing(at, Side.LEFT) == 1
        store.line_up(at, lone=False, swept=[Side.LEFT], layout=1)
        assert lined_up(store, at) == [("l2", "r2")]

    def test_comes_in_pages_that_leave_nothing_out(self, store: SqlStore) -> None:
        at = job(store)
        settle(store, at, couplings=couplings(*((f"l{i}", f"r{i}") for i in range(25))))
        store.begin_due(at)
        store.line_up_all(at, lone=False, rest=None, end=0)
        assert len(lined_up(store, at, size=10)) == len(set(lined_up(store, at, size=10))) == 25

    def test_of_all_couplings_leaves_out_what_needs_no_look(self, store: SqlStore) -> None:
        """Whatever an error, a question or a guard keeps open is looked at all the same; another mapping's is not."""
        other, at = job(store, "VENDOR"), job(store)
        settle(store, other, couplings=couplings(("v1", "a1")))
        settle(store, at, couplings=couplings(*((f"l{i}", f"r{i}") for i in range(5))), errors=error("l1"))
        numbers = dict(zip(("l0", "l1", "l2", "l3", "l4"), store.all_couplings("CUSTOMER"), strict=True))
        asked = (numbers["l2"], "l2", "r2", "update", ["name"], ["A"], ["B"], None, None)
        settle(store, at, conflicts=pl.DataFrame([asked], schema=CONFLICT_SCHEMA, orient="row"))
        aside = pl.DataFrame([(numbers["l3"], "delete")], schema=ASIDE_SCHEMA, orient="row")
        store.intend(at, Settlement(), [], aside)
        settle(store, other, couplings=couplings(("v2", "a2")))
        within = store.coupling_numbers("CUSTOMER")
        assert {*numbers.values()} <= {*within} and store.coupling_numbers("ITEM") == range(0)
        store.begin_due(at)
        everybody = pl.Series([*store.all_couplings("VENDOR"), numbers["l0"]])
        assert store.line_up_all(at, lone=False, rest=everybody, end=within.stop) == (4, 1)
        assert sorted(lined_up(store, at)) == [(f"l{i}", f"r{i}") for i in range(4)]
        assert store.line_up_all(at, lone=False, rest=None, end=0) == (5 + 4, 0)
        store.begin_due(at)
        settle(store, at, couplings=couplings(("l5", "r5")))  # by hand, since the feeds were read
        assert store.line_up_all(at, lone=False, rest=everybody, end=within.stop) == (5, 1)

    def test_knows_what_was_last_agreed_with_a_record(self, store: SqlStore) -> None:
        """Nothing, where it was kept in another layout or a lost answer is not forgotten: such a pair is looked at."""
        at = job(store)
        settle(store, at, couplings=couplings(("l1", "r1"), right_version=None))
        settle(store, at, couplings=couplings(("l2", "r2"), layout=2))
        settle(store, at, couplings=couplings(("l3", "r3"), recovered=True))
        agreed = store.baselines("CUSTOMER", Side.RIGHT, pl.Series(["r1", "r2", "r3", "r4"]), layout=1)
        assert sorted(agreed.drop(COUPLING).rows()) == [("r1", None, b"r"), ("r2", "1", b""), ("r3", "1", b"")]
        assert store.baselines("CUSTOMER", Side.LEFT, pl.Series(["l1"]), layout=1)["version"].to_list() == ["1"]


class TestMappings:
    def test_are_kept_in_versions(self, store: SqlStore) -> None:
        assert [store.apply_mapping("CUSTOMER", text) for text in ("a", "a", "b")] == [1, 1, 2]
        assert store.applied_document("CUSTOMER") == "b"
        assert store.applied_document("VENDOR") is None

    def test_move_their_watermarks_when_a_job_ends(self, store: SqlStore) -> None:
        at = job(store)
        mark = Watermark("2026-01-01", "filter", ("l1", "7"))
        store.finish_job(at, JobState.DONE, "", [mark, None], swept=True)
        assert (store.watermark("CUSTOMER", Side.LEFT), store.watermark("CUSTOMER", Side.RIGHT)) == (mark, None)
        assert store.swept_at("CUSTOMER") is not None

    def test_remember_the_answer_about_creating(self, store: SqlStore) -> None:
        store.apply_mapping("CUSTOMER", "a")
        assert store.only_coupled("CUSTOMER") is None
        store.set_only_coupled(("CUSTOMER",), False)
        assert store.only_coupled("CUSTOMER") is False


def test_a_store_belongs_to_one_environment(store: SqlStore) -> None:
    assert store.environment("sandbox") == "sandbox"
    assert store.environment("production") == "sandbox"


def test_a_run_remembers_its_question(store: SqlStore) -> None:
    number = store.open_run(JobKind.FULL)
    store.finish_run(number, ["CUSTOMER"])
    assert (store.runs()[0].question, store.runs()[0].answer) == (("CUSTOMER",), None)
    store.answer_run(number, False)
    assert store.runs()[0].answer is False


def test_what_is_no_store_is_refused_in_words(tmp_path: object) -> None:
    path = f"{tmp_path}/text.db"
    with open(path, "w", encoding="utf-8") as file:
        file.write("this is no database, and long enough to be sure of it " * 50)
    with pytest.raises(StoreFailure, match="cannot be used"):
        open_store(f"sqlite:///{path}")


def test_a_text_that_postgresql_does_not_keep_is_told(shelf: Shelf) -> None:
    store = shelf.open()
    at = job(store)
    zero = couplings(("a\0b", "r1"))
    if shelf.url.startswith("sqlite"):
        settle(store, at, couplings=zero)
        assert store.coupled("CUSTOMER", Side.RIGHT, pl.Series(["r1"]))["left_id"][0] == "a\0b"
        return
    for attempt in (lambda: settle(store, at, couplings=zero), lambda: store.coupled("C", Side.LEFT, zero["left_id"])):
        with pytest.raises(StoreFailure, match="code 0; keep such records in a SQLite store"):
            attempt()
    assert store.count_couplings("CUSTOMER") == 0


def test_a_connection_that_breaks_is_told_once_and_the_next_job_begins_afresh(shelf: Shelf) -> None:
    """What a job had lined up is gone with its connection, so it must fail and not go on without."""
    if shelf.url.startswith("sqlite"):
        pytest.skip("a file does not hang up")
    store, killer = shelf.open(), shelf.open("two")
    at = job(store)
    settle(store, at, couplings=couplings(("l1", "r1")))
    store.begin_due(at)
    store.add_due(Side.LEFT, _named(("l1", "2")))
    with store.transaction() as connection:
        backend = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    with killer.transaction() as connection:
        connection.exec_driver_sql(f"SELECT pg_terminate_backend({backend}, 5000)")
    with pytest.raises(StoreFailure, match="cannot be used"):
        store.add_due(Side.LEFT, _named(("l2", "2")))
    store.finish_job(at, JobState.FAILED, "the store was away", [None, None], swept=False)
    again = job(store)
    store.begin_due(again)
    store.add_due(Side.LEFT, _named(("l1", "2")))
    assert store.line_up(again, lone=False, swept=[], layout=1) == 1


@pytest.mark.parametrize(
    ("version", "encoding", "said"),
    [
        (130014, "UTF8", "PostgreSQL 13 is too old, 14"),
        (160000, "LATIN1", "does not keep Unicode"),
        (140000, "UTF8", ""),
    ],
)
def test_a_server_that_cannot_keep_a_store_is_refused(version: int, encoding: str, said: str) -> None:
    problem = unfit(SimpleNamespace(server_version=version, parameter_status={"server_encoding": encoding}.get))
    assert (problem is None) if not said else (said in problem.what)


def test_another_kind_of_store_is_refused_in_words() -> None:
    with pytest.raises(ConfigurationError, match="only SQLite and PostgreSQL"):
        open_store("mysql://host/db")


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(StoreFailure) as failed:
        open_store("postgresql://me:secret@127.0.0.1:1/db?password=secret")
    assert "postgresql://127.0.0.1:1/db" in str(failed.value)
    assert "secret" not in str(failed.value)


def test_a_paused_mapping_stays_paused_until_it_is_resumed(shelf: Shelf) -> None:
    """Issue 3, pause: a flag in the store, so it outlives every process and every change of the mapping."""
    store = shelf.open()
    for name in ("A", "B"):
        store.apply_mapping(name, "{}")
    assert store.paused() == frozenset()
    store.set_paused(["A", "unknown"], True)
    store.apply_mapping("A", '{"every": "5m"}')
    assert shelf.open("two").paused() == {"A"}
    store.set_paused(["A"], False)
    assert store.paused() == frozenset()
