"""What a new configuration begins with: a preset, or a small example with comments."""

import tomllib

from koppel.config import preset as preset_text

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


def starter(preset: str | None = None, left_url: str | None = None, right_url: str | None = None) -> str:
    """The text of a new koppel.toml. Without a preset: a commented example of one mapping.

    `left_url`, `right_url`: the URLs of the two systems. Raises `ConfigurationError` for an unknown preset.
    """
    if preset is None:
        urls = (left_url or "sqlite:///erp.db", right_url or "sqlite:///crm.db")
        return _EXAMPLE.format(left=_toml(urls[0]), right=_toml(urls[1]))
    systems = list(tomllib.loads(preset_text(preset))["systems"])
    given = {name: url for name, url in zip(systems, (left_url, right_url), strict=True) if url is not None}
    return preset_text(preset, **given)


def _toml(text: str) -> str:
    """A text as TOML writes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
