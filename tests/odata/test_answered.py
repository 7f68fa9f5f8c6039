"""What answers to a write say of the stored records: read as one page, and none of them at the cost of another."""

import json

from koppel.connectors.odata.answered import ROW, answered
from koppel.connectors.odata.decode import Decoder, Page
from koppel.connectors.odata.edm import Property
from koppel.model.values import FAULT, ID, FieldShape, Kind

PROPERTIES = (
    Property(FieldShape("no", Kind.TEXT), "Edm.String"),
    Property(FieldShape("active", Kind.BOOLEAN), "Edm.Boolean"),
)


class Reader:
    """Counts the pages it reads."""

    def __init__(self) -> None:
        self.decoder = Decoder("erp", PROPERTIES, ("no",), None)
        self.pages = 0

    def __call__(self, body: bytes) -> Page:
        self.pages += 1
        return self.decoder.page(body)


def record(no: str, active: object = True) -> bytes:
    return json.dumps({"no": no, "active": active}).encode()


def test_all_answers_are_read_as_one_page() -> None:
    """A write has thousands of rows, and a page of one costs about as much as a page of a hundred."""
    read = Reader()
    found = answered(read, {7: record("A"), 3: record("B", "yes"), 5: record("C")})
    assert found.select(ROW, ID).rows() == [(7, "A"), (3, "B"), (5, "C")]
    assert found[FAULT].is_null().to_list() == [True, False, True], "a fault is the record's own"
    assert read.pages == 1


def test_an_answer_that_is_no_record_or_more_than_one_spoils_no_other() -> None:
    two = record("X") + b"," + record("Y")
    found = answered(Reader(), {0: b"<html>", 1: record("A"), 2: two, 3: b'{"active": true}', 4: record("B")})
    assert found.select(ROW, ID, "active").rows() == [(1, "A", True), (4, "B", True)]


def test_of_nothing_there_are_no_records() -> None:
    assert answered(Reader(), {}).columns == [ROW, *answered(Reader(), {0: record("A")}).columns[1:]]
