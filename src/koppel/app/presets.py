"""What a new configuration begins with: a preset, or a small example with comments."""

import tomllib

from koppel.config import Preset
from koppel.config import preset as named_preset
from koppel.errors import ConfigurationError, Problem

_EXAMPLE = """\
# koppel: keeps the records of two systems coupled and in step.
# `koppel check` tells what is wrong with this file, `koppel review` what the first synchronisation would meet.

[koppel]
store = "sqlite:///koppel.db"            # where koppel keeps its couplings; beside this file
environment = "production"               # or "sandbox"; the store refuses to change sides

# A URL without password, or a reference to one: env:NAME (environment variable) or file:PATH (content of a file).

[systems.erp]
connector = "sql"
url = {left}

[systems.crm]
connector = "sql"
url = {right}

[mappings.CUSTOMER]
left = "erp.customer"
right = "crm.account"
direction = "<->"
only_coupled = true                      # uncoupled records are left alone until a full synchronisation
match = ["no = accountnumber"]           # what makes two uncoupled records a likely pair; in order of priority
# on_conflict = "ask"                    # a field changed on both sides: ask, "erp wins", "newest wins", …
# on_delete = "ask"                      # a record deleted on one side: ask, restore, uncouple, delete too, deactivate
# every = "30m"                          # how often `koppel worker` runs it: 30s, 5m, 2h, 1d; off = never
# left_filter = "blocked = ''"           # which records take part
# together = [["address", "post_code", "city"]]     # fields that are one value in the eyes of a conflict
fields = [
  "no    -> accountnumber",
  "name  <-> name",
]
"""


def starter(
    preset: str | None = None, left_url: str | None = None, right_url: str | None = None, api: str | None = None
) -> Preset:
    """A new koppel.toml. Without a preset: a commented example of one mapping.

    `left_url`, `right_url`: the URLs of the two systems. `api`: of Business Central, for a preset that reaches it:
    v2.0, or publisher/group/version of an app's. Raises `ConfigurationError` for what does not exist.
    """
    if preset is None:
        if api is not None:
            remedy = "write --preset business-central-dataverse too"
            raise ConfigurationError([Problem("--api", "the example has no Business Central", remedy)])
        urls = (left_url or "sqlite:///erp.db", right_url or "sqlite:///crm.db")
        return Preset(_EXAMPLE.format(left=_toml(urls[0]), right=_toml(urls[1])))
    systems = list(tomllib.loads(named_preset(preset).text)["systems"])
    given = {name: url for name, url in zip(systems, (left_url, right_url), strict=True) if url is not None}
    return named_preset(preset, **given, **({} if api is None else {"api": api}))


def _toml(text: str) -> str:
    """A text as TOML writes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
