"""Writing the app for Business Central that the mappings need."""

from collections.abc import Mapping
from pathlib import Path

from koppel.config import Configuration, Connector
from koppel.errors import ConfigurationError, Problem
from koppel.model.api import STANDARD_API


def app_files(configuration: Configuration, system: str | None) -> Mapping[str, str]:
    """The files of the app by path. `system`: which one of Business Central is meant, None where there is one only.

    Raises ConfigurationError when none is meant, or the mappings name what koppel cannot write.
    """
    from koppel.connectors.business_central import al

    name = _meant(configuration, system)
    api = configuration.systems[name].options.get("api", STANDARD_API)
    if api == STANDARD_API:
        what, remedy = "it uses the standard pages", 'write api = "publisher/group/v1.0", as the pages are to be called'
        raise ConfigurationError([Problem(f"systems.{name}", what, remedy)])
    return al.app(api, al.needs(configuration.mappings.values(), name))


def _meant(configuration: Configuration, system: str | None) -> str:
    known = [name for name, one in configuration.systems.items() if one.connector is Connector.BUSINESS_CENTRAL]
    fitting = known if system is None else [name for name in known if name == system]
    if len(fitting) == 1:
        return fitting[0]
    what = f"{system} is no system of Business Central" if system else "which system of Business Central is not clear"
    raise ConfigurationError([Problem("--al", what, f"there are {', '.join(known) or 'none'}")])


def write_app(files: Mapping[str, str], folder: Path) -> None:
    """Put the files into a folder that is new or empty. Raises ConfigurationError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            what = "there is something in it already"
            raise ConfigurationError([Problem(str(folder), what, "name a folder that is new or empty")])
        for path, text in files.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as error:
        what = f"cannot be written: {error.strerror}"
        raise ConfigurationError([Problem(str(folder), what, "check the folder and its rights")]) from None
