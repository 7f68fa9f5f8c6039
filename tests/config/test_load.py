"""`load` tells every mistake at once, each with its place and remedy (DESIGN 11: file, line and remedy)."""

# ruff: noqa: E501 (one case per line reads as a table)

from pathlib import Path

import pytest

from koppel.config import Connector, Environment, load
from koppel.errors import ConfigurationError, Problem
from koppel.model.policy import FirstContact, OnConflict
from koppel.transform.filter import FilterError, parse

HEAD = """\
[systems.erp]
connector = "sql"
url = "sqlite:///erp.db"
[systems.crm]
connector = "sql"
url = "env:CRM_URL"
"""
# The first line of what `mapping` puts behind HEAD.
LINE = HEAD.count("\n") + 1


def mapping(body: str, fields: str = '"no -> accountnumber"', name: str = "A") -> str:
    """A mapping whose tables stand in lines LINE + 1 and LINE + 2, its fields in LINE + 3, `body` below."""
    return f'[mappings.{name}]\nleft = "erp.customer"\nright = "crm.account"\nfields = [{fields}]\n{body}\n'


def problems(folder: Path, text: str, stage: str | None = None) -> list[Problem]:
    path = folder / "koppel.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(path, stage)
    assert caught.value.exit_code == 2
    return caught.value.problems


def only(folder: Path, text: str) -> tuple[str, str, str]:
    found = problems(folder, text)
    assert len(found) == 1, "\n".join(map(str, found))
    return found[0].where, found[0].what, found[0].remedy


def test_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "koppel.toml"
    path.write_text(
        '[koppel]\nstore = "sqlite:///data/koppel.db"\nenvironment = "sandbox"\n'
        + HEAD
        + 'timezone = "Europe/Amsterdam"\nfields.account.accountnumber = "code"\n[defaults]\nhistory_days = 7\n'
        + mapping('left_filter = "blocked = \'\'"\nright_key = "accountid"\nleft_key = ["a", "b"]\nhistory_days = 0')
        + mapping('on_conflict = "erp wins"\nfirst_contact = "crm wins"\nleft_lag_seconds = 1.5', name="B")
        + mapping("after = ['B', 'A']", name='"SHIPPING AGENT"')
    )
    configuration = load(path)
    assert configuration.store == f"sqlite:///{tmp_path}/data/koppel.db"
    assert configuration.environment is Environment.SANDBOX
    assert list(configuration.mappings) == ["A", "B", "SHIPPING AGENT"]
    erp, crm = configuration.systems.values()
    assert (erp.name, erp.connector, erp.url, erp.timezone) == (
        "erp",
        Connector.SQL,
        f"sqlite:///{tmp_path}/erp.db",
        "UTC",
    )
    assert (crm.url, crm.timezone) == ("env:CRM_URL", "Europe/Amsterdam")
    assert crm.options == {"fields": {"account": {"accountnumber": "code"}}}
    a, b, agent = configuration.mappings.values()
    assert (str(a.left), str(a.right), a.history_days, b.history_days) == ("erp.customer", "crm.account", 0, 7)
    assert (a.left_options.filter, a.left_options.filter_text) == (parse("blocked = ''"), "blocked = ''")
    assert (a.left_options.key, a.right_options.key) == (("a", "b"), ("accountid",))
    assert (b.on_conflict, b.first_contact) == (OnConflict.LEFT, FirstContact.RIGHT)
    assert b.left_options.lag_seconds == 1.5
    assert agent.after == ("B", "A")


def test_defaults_are_those_of_the_model(tmp_path: Path) -> None:
    path = tmp_path / "koppel.toml"
    path.write_text(HEAD + mapping(""))
    configuration = load(path)
    assert configuration.environment is Environment.PRODUCTION
    assert configuration.store == f"sqlite:///{tmp_path}/koppel.db"
    assert configuration.mappings["A"].on_conflict is OnConflict.ASK


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        '[koppel]\nstor = "sqlite:///k.db"\n'
        + HEAD.replace('"sql"', '"sqll"', 1)
        + mapping('on_delete = "restor"', '"a <-> b | lowr", "c => d", "e -> b"')
    )
    assert [(problem.where, problem.what) for problem in problems(tmp_path, text)] == [
        ("koppel.toml:2 koppel.stor", "unknown setting 'stor'"),
        ("koppel.toml:4 systems.erp.connector", "unknown value 'sqll'"),
        ("koppel.toml:12 mappings.A.fields[1]", "column 4: this is not an arrow"),
        ("koppel.toml:12 mappings.A.fields[0]", "there is no conversion 'lowr'"),
        (
            "koppel.toml:12 mappings.A.fields[2]",
            "'b' of crm.account is written by two lines, this one and koppel.toml:12 mappings.A.fields[0]",
        ),
        ("koppel.toml:13 mappings.A.on_delete", "unknown value 'restor'"),
    ]


@pytest.mark.parametrize(
    ("text", "where", "what", "remedy"),
    [
        ("a = \n", "koppel.toml:1", "this is not TOML: invalid value (noticed in line 1, column 5)", "put texts in quotes; only numbers, true and false stand bare"),
        ("[systems.erp]\nx = [1,\n", "koppel.toml:2", "this is not TOML: invalid value (noticed in line 2)", "a list, a table or a text is opened and not closed"),
        ("x = ['a' 'b']\n", "koppel.toml:1", "this is not TOML: unclosed array (noticed in line 1, column 10)", "put a comma between the elements and close the list with ]"),
        ("x = 'it's'\n", "koppel.toml:1", "this is not TOML: expected newline or end of document after a statement (noticed in line 1, column 9)", "one setting per line; quotes inside a text need the other kind of quotes around it"),
        ("[systems\n", "koppel.toml:1", "this is not TOML: expected ']' at the end of a table declaration (noticed in line 1, column 9)", "mend it or the line before"),
        ("[systems.erp]\nurl = 'a'\n\nurl = 'b'\n", "koppel.toml:4 systems.erp.url", "this is given a second time, first in line 2", "keep one of the two"),
        ("[mappings.A]\n[mappings.A]\n", "koppel.toml:2 mappings.A", "this is given a second time, first in line 1", "keep one of the two"),
    ],
)  # fmt: skip
def test_broken_toml(tmp_path: Path, text: str, where: str, what: str, remedy: str) -> None:
    """The parser's line and a sentence; keys given twice are all told, with both lines."""
    assert only(tmp_path, text) == (where, what, remedy)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml: there is no such file\n.*koppel init"):
        load(tmp_path / "nowhere.toml")


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "koppel.toml").write_bytes(b'a = "\xff"')
    with pytest.raises(ConfigurationError, match=r"koppel.toml: byte 6 is not UTF-8 text\n.*save the file as UTF-8"):
        load(tmp_path / "koppel.toml")


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path)


def test_a_byte_order_mark_and_windows_lines_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "koppel.toml"
    path.write_bytes(b"\xef\xbb\xbf" + (HEAD + mapping("")).replace("\n", "\r\n").encode())
    assert list(load(path).mappings) == ["A"]


S = "koppel.toml:{} systems.erp"


@pytest.mark.parametrize(
    ("text", "where", "what", "remedy"),
    [
        ("", "koppel.toml", "no systems are named", "write [systems.NAME] with connector and url"),
        ("systems = 3", "koppel.toml:1 systems", "expected a table of systems, found a whole number", ""),
        (HEAD + "[sytems.x]\n", f"koppel.toml:{LINE} sytems", "unknown setting 'sytems'", "did you mean 'systems'?"),
        ("[koppel]\nenvironment = 'prod'\n" + HEAD, "koppel.toml:2 koppel.environment", "unknown value 'prod'", "known here: production, sandbox"),
        ("[koppel]\nstore = 'koppel.db'\n" + HEAD, "koppel.toml:2 koppel.store", "neither a URL nor a reference", "write a URL without password, env:NAME (an environment variable) or file:PATH (the content of a file)"),
        ("koppel = 1\n" + HEAD, "koppel.toml:1 koppel", "expected a table, found a whole number", ""),
        ("[systems.erp]\nurl = 'sqlite:///a.db'", S.format(1), "the connector is missing", 'write connector = "sql"'),
        ("[systems.erp]\nconnector = 'sql'", S.format(1), "the url is missing", "write a URL without password, env:NAME (an environment variable) or file:PATH (the content of a file)"),
        ("[systems.erp]\nconnector = 'sql'\nurl = 3", S.format(3) + ".url", "expected a text in quotes, found a whole number", ""),
        ("[systems.erp]\nconnector = 'soap'\nurl = 'env:X'", S.format(2) + ".connector", "unknown value 'soap'", "known here: sql, odata, dataverse, business-central"),
        ("[systems.erp]\nconnector = 'sql'\nurl = 'env:'", S.format(3) + ".url", "env: names nothing", "write a URL without password, env:NAME (an environment variable) or file:PATH (the content of a file)"),
        ("[systems.erp]\nconnector = 'sql'\nurl = 'keyring:erp'", S.format(3) + ".url", "neither a URL nor a reference", "write a URL without password, env:NAME (an environment variable) or file:PATH (the content of a file)"),
        ("[systems.erp]\nconnector = 'sql'\nurl = 'postgresql://me:geheim@host/db'", S.format(3) + ".url", "a password does not belong in this file", 'put the URL into an environment variable and write "env:ERP_URL"'),
        ("[systems.erp]\nconnector = 'sql'\nurl = 'env:X'\ntimezone = 'Europe/Amsterdm'", S.format(4) + ".timezone", "unknown time zone 'Europe/Amsterdm'", "did you mean 'Europe/Amsterdam'?"),
        ("[systems.erp]\nconnector = 'sql'\nurl = 'env:X'\nfields.t.c = 'txt'", S.format(4) + ".fields.t.c", "unknown kind 'txt'", "did you mean 'text'?"),
        ("[systems.erp]\nconnector = 'sql'\nurl = 'env:X'\nfields.t = 'text'", S.format(4) + ".fields.t", "expected a table that gives columns their kind, found a text", ""),
        ("[systems.left]\nconnector = 'sql'\nurl = 'env:X'", "koppel.toml:1 systems.left", "a system cannot be called 'left': 'left wins' would mean two things", "choose another name"),
        ("[systems.'a.b']\nconnector = 'sql'\nurl = 'env:X'", 'koppel.toml:1 systems."a.b"', "this cannot be the name of a system", "begin with a letter; then letters, digits, _ and -"),
        (HEAD + "[defaults]\nguard_row = 3", f"koppel.toml:{LINE + 1} defaults.guard_row", "unknown setting 'guard_row'", "did you mean 'guard_rows'?"),
        (HEAD + "[defaults]\ndrift = 'hide'", f"koppel.toml:{LINE + 1} defaults.drift", "unknown value 'hide'", "known here: show, restore"),
        (HEAD + "[defaults]\non_conflict = 'crn wins'\n" + mapping(""), f"koppel.toml:{LINE + 1} defaults.on_conflict", "unknown value 'crn wins'", "did you mean 'crm wins'?"),
        (HEAD + "defaults = 3", f"koppel.toml:{LINE} systems.crm.defaults", "unknown setting 'defaults'", "known here: connector, url, timezone, fields, auth, batch, ca_file, environment, company, api, initial_load"),
        ("mappings = 3\n" + HEAD, "koppel.toml:1 mappings", "expected a table of mappings, found a whole number", ""),
        (HEAD + mapping("", name='" "'), f'koppel.toml:{LINE} mappings." "', "this cannot be the name of a mapping", "use letters, digits and blanks"),
    ],
)  # fmt: skip
def test_systems_and_the_rest(tmp_path: Path, text: str, where: str, what: str, remedy: str) -> None:
    assert only(tmp_path, text) == (where, what, remedy)


def test_a_password_is_never_repeated(tmp_path: Path) -> None:
    for url in ("postgresql://me:geheim@host/db", "mssql://host/db?password=geheim", "geheim"):
        told = problems(tmp_path, HEAD.replace("sqlite:///erp.db", url))
        assert told and "geheim" not in str(ConfigurationError(told))


M = f"koppel.toml:{LINE} mappings.A"
BODY = LINE + 4


@pytest.mark.parametrize(("said", "seconds"), [("30s", 30), ("5m", 300), ("2h", 7_200), ("1d", 86_400), ("off", None)])
def test_how_often_the_worker_runs_a_mapping(tmp_path: Path, said: str, seconds: float | None) -> None:
    """DESIGN 11, setting `every`: of the mapping, else of the defaults, else half an hour; off is never."""
    path = tmp_path / "koppel.toml"
    path.write_text(f"{HEAD}[defaults]\nevery = '{said}'\n" + mapping("") + mapping("every = '7m'", name="B"))
    assert [each.every_seconds for each in load(path).mappings.values()] == [seconds, 420]
    path.write_text(HEAD + mapping(""))
    assert load(path).mappings["A"].every_seconds == 1_800


@pytest.mark.parametrize(
    ("text", "where", "what", "remedy"),
    [
        (mapping("only_couple = true"), f"koppel.toml:{BODY} mappings.A.only_couple", "unknown setting 'only_couple'", "did you mean 'only_coupled'?"),
        (mapping("only_coupled = 'yes'"), f"koppel.toml:{BODY} mappings.A.only_coupled", "expected true or false, without quotes, found a text", ""),
        (mapping("history_days = -1"), f"koppel.toml:{BODY} mappings.A.history_days", "expected a whole number from 0, found a whole number below 0", ""),
        (mapping("guard_rows = 1.5"), f"koppel.toml:{BODY} mappings.A.guard_rows", "expected a whole number from 0, found a number", ""),
        (mapping("guard_rows = true"), f"koppel.toml:{BODY} mappings.A.guard_rows", "expected a whole number from 0, found true or false", ""),
        (mapping("sweep_hours = '24'"), f"koppel.toml:{BODY} mappings.A.sweep_hours", "expected a number from 0, found a text", ""),
        (mapping("sweep_hours = nan"), f"koppel.toml:{BODY} mappings.A.sweep_hours", "expected a number from 0, found a number", ""),
        (mapping("guard_percent = 101"), f"koppel.toml:{BODY} mappings.A.guard_percent", "is more than 100 percent", "write a whole number from 0 to 100"),
        (mapping("every = '30'"), f"koppel.toml:{BODY} mappings.A.every", "'30' is not a period", "write a whole number and s, m, h or d, such as 30m, or off"),
        (mapping("every = '0s'"), f"koppel.toml:{BODY} mappings.A.every", "'0s' is not a period", "write a whole number and s, m, h or d, such as 30m, or off"),
        (mapping("every = 30"), f"koppel.toml:{BODY} mappings.A.every", "expected a text in quotes, found a whole number", ""),
        (mapping("direction = '=>'"), f"koppel.toml:{BODY} mappings.A.direction", "unknown value '=>'", "known here: ->, <-, <->"),
        (mapping("on_conflict = 'cmr wins'"), f"koppel.toml:{BODY} mappings.A.on_conflict", "unknown value 'cmr wins'", "did you mean 'crm wins'?"),
        (mapping("first_contact = 'longest'"), f"koppel.toml:{BODY} mappings.A.first_contact", "unknown value 'longest'", "known here: erp wins, crm wins, ask, left wins, right wins, newest wins"),
        (mapping("after = 'B'"), f"koppel.toml:{BODY} mappings.A.after", "expected a list of texts, found a text", ""),
        (mapping("after = [3]"), f"koppel.toml:{BODY} mappings.A.after[0]", "expected a text in quotes, found a whole number", ""),
        (mapping("left_key = []"), f"koppel.toml:{BODY} mappings.A.left_key", "names nothing", "name at least one field or leave it out"),
        (mapping("left_key = ' '"), f"koppel.toml:{BODY} mappings.A.left_key", "is blank", "give it a value or leave it out"),
        (mapping("left_lag_seconds = 2026-01-01"), f"koppel.toml:{BODY} mappings.A.left_lag_seconds", "expected a number from 0, found a date or time", ""),
        (mapping("right_deactivate = 'statecode'"), f"koppel.toml:{BODY} mappings.A.right_deactivate", "column 10: expected '=', found the end of the line", ""),
        (mapping("match = 'no = accountnumber'"), f"koppel.toml:{BODY} mappings.A.match", "expected a list of match rules, found a text", ""),
        (mapping("match = ['no']"), f"koppel.toml:{BODY} mappings.A.match[0]", "column 3: expected '=', found the end of the line", ""),
        (mapping("match = ['a = b', 'no = b (ignorecase)']"), f"koppel.toml:{BODY} mappings.A.match[1]", "column 9: expected 'ignore case', found 'ignorecase'", ""),
        (mapping("match = ['a = b +']"), f"koppel.toml:{BODY} mappings.A.match[0]", "column 8: expected a field of the left table, found the end of the line", ""),
        (mapping("together = ['no']"), f"koppel.toml:{BODY} mappings.A.together[0]", "expected a list of texts, found a text", ""),
        (mapping("together = 'no'"), f"koppel.toml:{BODY} mappings.A.together", "expected a list of lists of names, found a text", ""),
        (mapping("left_filter = 3"), f"koppel.toml:{BODY} mappings.A.left_filter", "expected a text in quotes, found a whole number", ""),
        (mapping("", "3"), f"koppel.toml:{BODY - 1} mappings.A.fields[0]", "expected a field line or a table, found a whole number", ""),
        (mapping("", ""), f"koppel.toml:{BODY - 1} mappings.A.fields", "no fields are lined up", 'write fields = ["left field <-> right field", …]'),
        ("[mappings]\nA = 3", f"koppel.toml:{LINE + 1} mappings.A", "expected a table, found a whole number", ""),
        ("[mappings.A]\nleft = 'erp.a'\nfields = ['a -> b']", M, "the right table is missing", 'write right = "system.table"'),
        ("[mappings.A]\nleft = 'erp.a'\nright = 'crm.b'", M, "no fields are lined up", 'write fields = ["left field <-> right field", …]'),
        ("[mappings.A]\nleft = 'erp.a'\nright = 'crm.b'\nfields = 3", f"koppel.toml:{LINE + 3} mappings.A.fields", "expected a list of field lines, found a whole number", ""),
        ("[mappings.A]\nleft = 'erp'\nright = 'crm.b'\nfields = ['a -> b']", f"koppel.toml:{LINE + 1} mappings.A.left", "'erp' does not name a table", "write system.table, for example erp.customer"),
        ("[mappings.A]\nleft = 'erpp.a'\nright = 'crm.b'\nfields = ['a -> b']\non_conflict = 'erp wins'", f"koppel.toml:{LINE + 1} mappings.A.left", "there is no system 'erpp'", "did you mean 'erp'?"),
        ("[mappings.A]\nleft = 'erp.a'\nright = 'erp.a'\nfields = ['a -> b']", f"koppel.toml:{LINE + 2} mappings.A.right", "a table cannot be lined up with itself", "name another table on one side"),
        ("[mappings.A]\nleft = 'erp.a'\nright = 'erp.b'\nfields = ['a -> b']\non_conflict = 'erp wins'", f"koppel.toml:{LINE + 4} mappings.A.on_conflict", "'erp wins' does not say which side of the mapping is meant", "both tables belong to it: write 'left wins' or 'right wins'"),
    ],
)  # fmt: skip
def test_settings_of_a_mapping(tmp_path: Path, text: str, where: str, what: str, remedy: str) -> None:
    assert only(tmp_path, HEAD + text) == (where, what, remedy)


def test_a_filter_that_cannot_be_read_says_what_transform_says(tmp_path: Path) -> None:
    with pytest.raises(FilterError) as caught:
        parse("a = lower(b)")
    where, what, remedy = only(tmp_path, HEAD + mapping("left_filter = 'a = lower(b)'"))
    assert where == f"koppel.toml:{BODY} mappings.A.left_filter"
    assert f"{what}; {remedy}" == str(caught.value) and "lower" in what and remedy


F = f"koppel.toml:{LINE + 3} mappings.A.fields"


@pytest.mark.parametrize(
    ("fields", "body", "where", "what", "remedy"),
    [
        ('"a <- b", "c -> d"', "direction = '->'", F + "[0]", "this field goes '<-', its mapping only '->'", "change one of the two directions"),
        ('"a -> b @ A (not null, clear on failed)"', "", F + "[0]", "not null and clear on failed exclude each other: one never writes a blank, the other writes one", "keep one of the two"),
        ('"a -> b (clear on failed)"', "", F + "[0]", "clear on failed without a reference: nothing can fail", "write @ MAPPING, or leave it out"),
        ('"a -> b", "-> c | upper = 3"', "", F + "[1]", "a constant with a conversion: it is written as it stands", "leave out conversion"),
        ('"a -> b", "-> c @ A = 3"', "", F + "[1]", "a constant with a reference: it is written as it stands", "leave out reference"),
        ('"a -> b", "-> c = 3 (not null)"', "", F + "[1]", "a constant with not null: it is written as it stands", "leave out not null"),
        ('"a -> b", "-> c = 3 (on conflict = max)"', "", F + "[1]", "a constant with on conflict: it is written as it stands", "leave out on conflict"),
        ('"a -> b (on conflict = longest)"', "", F + "[0]", "on conflict = longest on a field that goes one way: it never has a conflict", "leave it out, or let the field and its mapping go both ways"),
        ('"a <-> b (on conflict = max)"', "direction = '->'", F + "[0]", "on conflict = max on a field that goes one way: it never has a conflict", "leave it out, or let the field and its mapping go both ways"),
        ('"a -> b | uper"', "", F + "[0]", "there is no conversion 'uper'", "did you mean 'upper'?"),
        ('"a -> b | cut(1)"', "", F + "[0]", "cut is written cut(start, length), and here are 1 arguments", "A part of the text; positions count from 1, as in Business Central."),
        ('"a -> b", "c -> b"', "", F + "[1]", f"'b' of crm.account is written by two lines, this one and {F}[0]", "let one of them go the other way, disable it or remove it"),
        ('"a <-> b", "-> b = 3 (on create)"', "", F + "[1]", f"'b' of crm.account is written by two lines, this one and {F}[0]", "let one of them go the other way, disable it or remove it"),
        ('"a <-> b", "a <- c"', "", F + "[1]", f"'a' of erp.customer is written by two lines, this one and {F}[0]", "let one of them go the other way, disable it or remove it"),
        ('"a -> b (disabled)", "-> c = 3"', "", F, "no enabled line lines up two fields", "enable one, or give the mapping its direction"),
        ('"a <-> b"', "on_delete = 'deactivate'\nleft_deactivate = \"blocked = 'All'\"", f"koppel.toml:{BODY} mappings.A.on_delete", "on_delete = 'deactivate', but nothing says what that means in crm.account", "write right_deactivate = 'field = value'"),
        ('"a -> b"', "direction = '->'\non_delete = 'deactivate'", f"koppel.toml:{BODY + 1} mappings.A.on_delete", "on_delete = 'deactivate', but nothing says what that means in crm.account", "write right_deactivate = 'field = value'"),
        ('"a -> b"', "after = ['A']", f"koppel.toml:{BODY} mappings.A.after[0]", "a mapping cannot run after itself", "take A out of after"),
        ('"a -> b"', "after = ['B']", f"koppel.toml:{BODY} mappings.A.after[0]", "there is no mapping 'B'", "known here: A"),
        ('"a -> b @ CURENCY"', "", F + "[0]", "there is no mapping 'CURENCY'", "known here: A"),
        ('"a -> b @ A via cmr.c(x -> y)"', "", F + "[0]", "via: there is no system 'cmr'", "did you mean 'crm'?"),
        ('"a <-> b", "c -> d"', "together = [['a', 'x']]", f"koppel.toml:{BODY} mappings.A.together[0]", "'x' is not a left field of an enabled line", "known here: a, c"),
        ('"abc <-> b", "c -> d (disabled)"', "together = [['abc', 'abd']]", f"koppel.toml:{BODY} mappings.A.together[0]", "'abd' is not a left field of an enabled line", "did you mean 'abc'?"),
        ('"a <-> b", "c -> d"', "together = [['a', 'c']]", f"koppel.toml:{BODY} mappings.A.together[0]", "the fields of a group travel different ways: a <-> b, c -> d", "give all of them one direction"),
        ('"a <-> b", "c <-> d"', "together = [['a'], ['c', 'a']]", f"koppel.toml:{BODY} mappings.A.together[1]", "'a' stands in together[0] as well", "a field belongs to one group, once"),
        ('"a <-> b"', "together = [['a', 'a']]", f"koppel.toml:{BODY} mappings.A.together[0]", "'a' stands twice in this group", "a field belongs to one group, once"),
        ('"a <-> b (on conflict = max)", "c <-> d (on conflict = max)"', "together = [['a', 'c']]", f"koppel.toml:{BODY} mappings.A.together[0]", "max makes a value field by field inside a group", "a group is decided as one: use a side, newest or ask for its fields"),
        ('"a <-> b", "c <-> d"', "together = [['a', 'c']]\non_conflict = 'union'", f"koppel.toml:{BODY} mappings.A.together[0]", "union makes a value field by field inside a group", "a group is decided as one: use a side, newest or ask for its fields"),
        ('"a <-> b (on conflict = erp wins)", "c <-> d"', "together = [['a', 'c']]", f"koppel.toml:{BODY} mappings.A.together[0]", "the fields of a group have different on conflict", "give all of them the same"),
    ],
)  # fmt: skip
def test_what_cannot_work_inside_a_mapping(
    tmp_path: Path, fields: str, body: str, where: str, what: str, remedy: str
) -> None:
    assert only(tmp_path, HEAD + mapping(body, fields)) == (where, what, remedy)


def test_what_only_looks_wrong(tmp_path: Path) -> None:
    """One field read twice; written by a disabled line too; a mapping that refers to itself; directions that narrow."""
    path = tmp_path / "koppel.toml"
    fields = '"a -> b", "a -> c", "x -> b (disabled)", "parent -> parentaccountid @ A"'
    path.write_text(
        HEAD
        + mapping("together = [['a']]", fields)
        # The mapping's direction narrows the field's: nothing comes back to `a`.
        + mapping("direction = '->'\non_delete = 'deactivate'\nright_deactivate = 'x = 1'", '"a <-> b", "a <-> c"', "B")
    )
    assert list(load(path).mappings) == ["A", "B"]


def test_groups_are_judged_by_the_direction_that_counts(tmp_path: Path) -> None:
    path = tmp_path / "koppel.toml"
    body = "direction = '->'\non_conflict = 'union'\ntogether = [['a', 'c']]"
    path.write_text(HEAD + mapping(body, '"a <-> b", "c -> d"'))
    assert load(path).mappings["A"].together == (("a", "c"),)


def test_a_cycle_is_named(tmp_path: Path) -> None:
    """Through `after` and references; found once, at the first mapping of the file that stands in it."""
    text = (
        HEAD
        + mapping("after = ['D', 'B']")
        + mapping("", '"a -> b @ C"', "B")
        + mapping("", '"a -> b", "x -> y @ A"', "C")
        + mapping("", name="D")
    )
    assert only(tmp_path, text) == (
        f"koppel.toml:{BODY} mappings.A.after[1]",
        "these mappings wait for each other: A → B → C → A",
        "take one of them out of after, or let one reference go",
    )


def test_two_cycles_are_two_problems(tmp_path: Path) -> None:
    text = HEAD + "".join(mapping(f"after = ['{other}']", name=name) for name, other in ("AB", "BA", "CD", "DC"))
    assert [problem.what.partition(": ")[2] for problem in problems(tmp_path, text)] == ["A → B → A", "C → D → C"]


def test_a_mapping_with_a_mistake_is_still_known_to_others(tmp_path: Path) -> None:
    text = HEAD + mapping("", '"a => b"') + "[mappings.B]\n" + mapping("after = ['A', 'B']", name="C")
    assert [problem.where for problem in problems(tmp_path, text)] == [
        f"{F}[0]",
        f"koppel.toml:{BODY + 1} mappings.B",
        f"koppel.toml:{BODY + 1} mappings.B",
        f"koppel.toml:{BODY + 1} mappings.B",
    ]


def test_a_reference_stays_between_the_same_two_systems(tmp_path: Path) -> None:
    """Couplings of other systems cannot translate a value."""
    swapped = mapping("", name="S").replace("erp.customer", "crm.x").replace("crm.account", "erp.y")
    where, what, remedy = only(tmp_path, HEAD + mapping("", '"a -> b @ S"') + swapped)
    assert (where, what) == (f"{F}[0]", "S couples crm with erp, this mapping erp with crm")
    assert remedy == "a reference needs a mapping of the same two systems, in the same order"


def test_long_form_in_toml(tmp_path: Path) -> None:
    path = tmp_path / "koppel.toml"
    path.write_text(
        HEAD
        + "[mappings.A]\nleft = 'erp.a'\nright = 'crm.b'\n"
        + "[[mappings.A.fields]]\nleft = 'a'\nright = 'b'\n[[mappings.A.fields]]\nright = 'c'\ndirection = '->'\nconstant = 3\n"
    )
    first, second = load(path).mappings["A"].fields
    assert (str(first), str(second), second.constant) == ("a <-> b", "(constant) -> c", "3")
    path.write_text(path.read_text().replace("constant", "constnat"))
    with pytest.raises(ConfigurationError, match=rf"koppel.toml:{LINE + 9} mappings.A.fields\[1\].constnat: unknown"):
        load(path)


def test_a_stage_overrides_systems(tmp_path: Path) -> None:
    (tmp_path / "koppel.toml").write_text(HEAD + mapping(""))
    (tmp_path / "koppel.test.toml").write_text("[systems.crm]\nurl = 'sqlite:///test.db'\n")
    plain, staged = load(tmp_path / "koppel.toml"), load(tmp_path / "koppel.toml", "test")
    assert (plain.systems["crm"].url, staged.systems["crm"].url) == ("env:CRM_URL", f"sqlite:///{tmp_path}/test.db")
    assert staged.systems["crm"].connector is Connector.SQL
    assert staged.systems["erp"] == plain.systems["erp"] and staged.mappings == plain.mappings


def test_a_stage_overrides_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "koppel.test.toml").write_text(
        "[koppel]\nstore = 'sqlite:///x.db'\n[systems.crn]\n[systems.erp]\nurll = 3\n"
    )
    found = problems(tmp_path, HEAD + mapping("", '"a => b"'), "test")
    assert [(problem.where, problem.what, problem.remedy) for problem in found] == [
        (f"{F}[0]", "column 4: this is not an arrow", "the arrows are -> <- and <->"),
        ("koppel.test.toml:1 koppel", "'koppel' cannot be changed by a stage", "a stage file holds [systems.NAME] tables only"),
        ("koppel.test.toml:3 systems.crn", "there is no system 'crn' to override", "did you mean 'crm'?"),
        ("koppel.test.toml:5 systems.erp.urll", "unknown setting 'urll'", "did you mean 'url'?"),
    ]  # fmt: skip


def test_a_stage_without_file(tmp_path: Path) -> None:
    assert [problem.where for problem in problems(tmp_path, HEAD, "nowhere")] == [str(tmp_path / "koppel.nowhere.toml")]
