"""Secrets stand in koppel.toml by reference only, and their values never in a message."""

from pathlib import Path

import pytest

from koppel.config import load, resolve_secret
from koppel.config.secret import absolute_url, relative_url
from koppel.errors import ConfigurationError


def test_a_reference_to_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOPPEL_TEST_URL", "sqlite:///geheim.db")
    assert resolve_secret("env:KOPPEL_TEST_URL") == "sqlite:///geheim.db"
    assert resolve_secret("env: KOPPEL_TEST_URL", Path("/there")) == "sqlite:////there/geheim.db"


def test_a_reference_to_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("sqlite:///a.db\r\n")
    assert resolve_secret(f"file:{tmp_path / 'url'}") == "sqlite:///a.db"
    assert resolve_secret("file:url", tmp_path) == f"sqlite:///{tmp_path}/a.db"


def test_what_is_no_reference_is_the_value() -> None:
    assert resolve_secret("sqlite:///a.db") == "sqlite:///a.db"


def test_nothing_behind_a_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KOPPEL_TEST_URL", raising=False)
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "bytes").write_bytes(b"\xff")
    for reference, sentence in (
        ("env:KOPPEL_TEST_URL", "the environment variable KOPPEL_TEST_URL is not set"),
        ("file:nowhere", f"{tmp_path}/nowhere cannot be read: No such file or directory"),
        ("file:empty", f"{tmp_path}/empty is empty"),
        ("file:bytes", f"{tmp_path}/bytes cannot be read: it is not UTF-8 text"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            resolve_secret(reference, tmp_path)
        (problem,) = caught.value.problems
        assert (problem.where, problem.what) == (reference, sentence) and problem.remedy


def test_a_configuration_says_which_setting_leads_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KOPPEL_TEST_URL", raising=False)
    path = tmp_path / "koppel.toml"
    path.write_text("[koppel]\nstore = 'file:store'\n[systems.erp]\nconnector = 'sql'\nurl = 'env:KOPPEL_TEST_URL'\n")
    configuration = load(path)
    with pytest.raises(ConfigurationError, match=r"^koppel\.toml:5 systems\.erp\.url: the environment variable"):
        configuration.system_url("erp")
    (tmp_path / "store").write_text("sqlite:///k.db")
    assert configuration.store_url() == f"sqlite:///{tmp_path}/k.db"


@pytest.mark.parametrize(
    ("url", "absolute"),
    [
        ("sqlite:///a.db", "sqlite:////there/a.db"),
        ("sqlite:///../a.db?mode=ro", "sqlite:////there/../a.db?mode=ro"),
        ("sqlite+pysqlite:///x/a.db", "sqlite+pysqlite:////there/x/a.db"),
        ("sqlite:////x/a.db", "sqlite:////x/a.db"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///", "sqlite:///"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite:///file:a?uri=true", "sqlite:///file:a?uri=true"),
        ("postgresql://host/db", "postgresql://host/db"),
    ],
)
def test_relative_sqlite_paths_begin_in_the_folder_of_the_file(url: str, absolute: str) -> None:
    assert absolute_url(url, Path("/there")) == absolute
    assert absolute_url(relative_url(absolute, Path("/there")), Path("/there")) == absolute


def test_a_file_of_the_folder_is_written_relative() -> None:
    assert relative_url("sqlite:////there/x/a.db", Path("/there")) == "sqlite:///x/a.db"
    assert relative_url("sqlite:////other/a.db", Path("/there")) == "sqlite:////other/a.db"
    assert relative_url("env:X", Path("/there")) == "env:X"
