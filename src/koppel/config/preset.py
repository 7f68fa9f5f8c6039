"""Ready-made configurations that `koppel init` writes: files under `presets`, with comments that explain each block."""

from importlib.resources import files

import tomlkit
from tomlkit.items import Table

from koppel.config.document import did_you_mean
from koppel.errors import ConfigurationError, Problem

PRESETS = ("business_central_dataverse",)

_LOCAL_CURRENCY = "blank = 'EUR'"


def preset(name: str, **replacements: str) -> str:
    """The text of a preset, with some of its values replaced.

    `replacements`: `store`, `environment`, `local_currency` (the ISO code that a blank currency stands for), and each
    system's name for its URL, such as `bc = "sqlite:///bc.db"`. Raises ConfigurationError for an unknown name.
    """
    if name not in PRESETS:
        raise ConfigurationError([Problem("", f"there is no preset {name!r}", did_you_mean(name, PRESETS))])
    document = tomlkit.parse(files("koppel.config").joinpath("presets", f"{name}.toml").read_text(encoding="utf-8"))
    koppel, systems = document["koppel"], document["systems"]
    assert isinstance(koppel, Table) and isinstance(systems, Table), "a preset has these tables"
    known = (*koppel, *systems, "local_currency")
    unknown = [key for key in replacements if key not in known]
    if unknown:
        problems = [Problem("", f"the preset has no {key!r} to replace", did_you_mean(key, known)) for key in unknown]
        raise ConfigurationError(problems)
    currency = replacements.pop("local_currency", None)
    for key, value in replacements.items():
        if key in koppel:
            koppel[key] = value
        else:
            system = systems[key]
            assert isinstance(system, Table), "a system is a table"
            system["url"] = value
    text = tomlkit.dumps(document)
    return text if currency is None else text.replace(_LOCAL_CURRENCY, f"blank = '{currency}'")
