"""Date-times as SQLite stores them: as text. Their form, and the change stamp with how finely it ticks.

koppel writes a date-time in the form its column already uses. A change stamp must have one fixed form in UTC, so that
the order of the texts is the order of time; anything else would lose edits (DESIGN 11, 14).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import polars as pl

from koppel.errors import ConfigurationError, Problem

_FORM = re.compile(r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?")
_UTC_SUFFIXES = ("Z", "+00:00", "+0000")


@dataclass(frozen=True)
class TimeForm:
    """How a column writes date-times: what stands between date and time, digits of the fraction, what ends it.

    `suffix` '' means naive text, in the time zone `zone`.
    """

    separator: str = "T"
    digits: int = 3
    suffix: str = "Z"
    zone: str = "UTC"

    def text(self, moments: pl.Series) -> pl.Series:
        """The moments (UTC) as this column writes them; digits beyond the form's are cut off."""
        local = moments.dt.convert_time_zone(self.zone if self.suffix == "" else "UTC")
        text = local.dt.strftime(f"%Y-%m-%d{self.separator}%H:%M:%S")
        if self.digits:
            text = text + "." + local.dt.strftime("%6f").str.pad_end(self.digits, "0").str.slice(0, self.digits)
        return text + self.suffix

    def text_of(self, moment: datetime) -> str:
        """One moment; see `text`."""
        return str(self.text(pl.Series([moment], dtype=pl.Datetime("us", "UTC"))).item())

    def with_digits(self, digits: int) -> "TimeForm":
        """The same form with so many digits of the fraction."""
        return replace(self, digits=digits)

    @property
    def glob(self) -> str:
        """The SQLite GLOB pattern that texts of this form, and only they, fit."""
        digit = "[0-9]"
        date, time = f"{digit * 4}-{digit * 2}-{digit * 2}", f"{digit * 2}:{digit * 2}:{digit * 2}"
        fraction = f".{digit * self.digits}" if self.digits else ""
        return f"{date}{self.separator}{time}{fraction}{self.suffix}"

    @property
    def regex(self) -> str:
        """The regular expression for the same."""
        fraction = rf"\.\d{{{self.digits}}}" if self.digits else ""
        return rf"^\d{{4}}-\d\d-\d\d{self.separator}\d\d:\d\d:\d\d{fraction}{re.escape(self.suffix)}$"


@dataclass(frozen=True)
class Stamp:
    """The change stamp of a table: its field, its form, how finely it ticks, and whether it can be null."""

    field: str
    form: TimeForm
    granularity: timedelta
    nullable: bool

    def floor(self, moment: datetime) -> datetime:
        """The tick that `moment` belongs to. koppel's own stamps tick no finer than those of the application, else the
        application's coarser clock could no longer be seen in the values."""
        return moment - (moment - datetime(1970, 1, 1, tzinfo=UTC)) % self.granularity


def form_of(text: str, zone: str) -> TimeForm | None:
    """The form of a date-time text; None when it is none."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    suffix = match[3] or ""
    return TimeForm(match[1], len(match[2] or ""), suffix if suffix in ("", *_UTC_SUFFIXES) else "+00:00", zone)


def find_stamp(where: str, field: str, samples: Sequence[object], default: object, nullable: bool, zone: str) -> Stamp:
    """The change stamp, from values of the column, else from one its default makes, else milliseconds with Z.

    Raises ConfigurationError, naming values, when they are not all ISO-8601 UTC texts of one form.
    """
    if samples:
        forms = {_checked(where, field, sample, zone): sample for sample in samples}
        if len(forms) > 1:
            raise mixed(where, field, [str(sample) for sample in forms.values()])
        form = next(iter(forms))
        return Stamp(field, form, _tick(form.digits, [str(sample) for sample in samples]), nullable)
    form = TimeForm() if default is None else _checked(where, field, default, zone)
    return Stamp(field, form, _tick(form.digits, []), nullable)


def mixed(where: str, field: str, samples: Sequence[str]) -> ConfigurationError:
    """The complaint that a change stamp has several forms."""
    shown = " and ".join(repr(sample) for sample in samples[:3])
    return ConfigurationError([Problem(where, f"the change stamp {field} has several forms: {shown}", _REMEDY)])


_REMEDY = (
    "change stamps must be ISO-8601 UTC texts of one fixed form, such as 2026-01-31T09:30:00.000Z: mend the values, "
    'name another change stamp, or name none (modified = ""), then every record is compared every time'
)


def _checked(where: str, field: str, sample: object, zone: str) -> TimeForm:
    text = sample if isinstance(sample, str) else ""
    form = form_of(text, zone)
    if form is None or not text.endswith(form.suffix):  # another offset than UTC's reads as a form with UTC's
        raise ConfigurationError([Problem(where, f"the change stamp {field} holds {sample!r}", _REMEDY)])
    if form.suffix == "" and zone != "UTC":
        what = f"the change stamp {field} holds local time of {zone} ({sample!r}), which repeats an hour every year"
        raise ConfigurationError([Problem(where, what, _REMEDY)])
    return form


def _tick(digits: int, samples: Sequence[str]) -> timedelta:
    """How finely a stamp ticks: digits that are 0 in every value do not tick. Too coarse is safe, too fine is not."""
    ticking = digits
    fractions = [match[2] or "" for sample in samples if (match := _FORM.fullmatch(sample))]
    if fractions:
        ticking = max(len(fraction.rstrip("0")) for fraction in fractions)
    return timedelta(microseconds=max(1, 10 ** (6 - min(ticking, 6))))
