"""Drawing people and companies from the word lists, with a seeded random generator.

What must be unique over the whole demo world, or a match rule would find a wrong record, is kept unique here: e-mail
addresses, telephone numbers, numbers of the other system, and name with post code. Company names alone do repeat.
"""

import random
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from koppel.demo.names import COUNTRIES, JOB_TITLES, City, Country

_PLAIN = str.maketrans({"ß": "ss", "ø": "o", "ł": "l"})


class Company(NamedTuple):
    """A company as it really is; each system knows it more or less well."""

    country: Country
    name: str
    contact: str
    address: str
    address_2: str
    post_code: str
    city: City
    phone: str
    mobile: str
    fax: str
    email: str
    other_email: str
    domain: str


class Person(NamedTuple):
    """A person as he or she really is."""

    first: str
    middle: str
    last: str
    job: str
    phone: str
    mobile: str
    email: str
    other_email: str


def slug(text: str) -> str:
    """Only the ASCII letters and digits of a text, in lower case: `Café-Böhm` becomes `cafebohm`."""
    plain = text if text.isascii() else unicodedata.normalize("NFKD", text.translate(_PLAIN))
    return "".join(letter for letter in plain.lower() if letter.isascii() and letter.isalnum())


def growing_ids(rng: random.Random, start: int) -> Iterator[str]:
    """Uuids (version 7, lower case, hyphens) that grow; `start` is the first one's time in milliseconds."""
    now = start
    while True:
        now += 1 + int(rng.random() * 2000)
        bits = rng.getrandbits(74)
        text = f"{now << 80 | 7 << 76 | (bits >> 62) << 64 | 2 << 62 | bits & (1 << 62) - 1:032x}"
        yield f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Draw:
    """A source of companies and persons; remembers what it gave out to keep it unique."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._addresses: set[tuple[str, str]] = set()
        self._emails: set[str] = set()
        self._phones: set[str] = set()
        self._foreign_number = 1000

    def pick(self, words: tuple[str, ...]) -> str:
        """One of the words; quicker than `random.choice`, which matters for a hundred thousand draws."""
        return words[int(self.rng.random() * len(words))]

    def phone(self, country: Country, area: str) -> str:
        """A telephone number nobody has yet, in the style of one of many typists."""
        while True:
            subscriber = f"{int(self.rng.random() * 90_000_000) + 10_000_000}"[: 9 - len(area)]
            key = country.dial + area + subscriber
            if key not in self._phones:
                break
        self._phones.add(key)
        return phone_style(country.dial, area, subscriber, int(self.rng.random() * 4))

    def email(self, mailbox: str, domain: str) -> str:
        """An e-mail address nobody has yet: the wanted one, or the wanted one with a number."""
        address, count = f"{mailbox}@{domain}", 1
        while address in self._emails:
            count += 1
            address = f"{mailbox}{count}@{domain}"
        self._emails.add(address)
        return address

    def foreign_number(self) -> str:
        """An account number of Dataverse's own, which is nobody's number in Business Central."""
        self._foreign_number += 1 + int(self.rng.random() * 5)
        return f"CRM-{self._foreign_number:06d}"

    def company(self) -> Company:
        """A company; its name and post code together are unique, however they are spelled."""
        country = COUNTRIES[int(self.rng.random() * len(COUNTRIES))]
        city = country.cities[int(self.rng.random() * len(country.cities))]
        while True:
            name, domain = self._company_name(country)
            post_code = self._post_code(country, city)
            key = (slug(name), slug(post_code))
            if key not in self._addresses:
                break
        self._addresses.add(key)
        contact = f"{self.pick(country.first_names)} {self.pick(country.surnames)}"
        mailboxes = country.mailboxes
        email = self.email(mailboxes[0], domain)
        return Company(
            country,
            name,
            contact,
            self._street(country),
            self._second_line(),
            post_code,
            city,
            self.phone(country, city.area),
            self.phone(country, "6"),
            self.phone(country, city.area),
            email,
            self.email(mailboxes[1], domain),
            domain,
        )

    def person(self, country: Country, area: str, domain: str) -> Person:
        """A person who works at `domain`, in a city with this area code."""
        first, middle = self.pick(country.first_names), self.pick(country.middle_names)
        last = self.pick(country.surnames)
        mailbox = f"{slug(first)}.{slug(middle + last)}"
        return Person(
            first,
            middle,
            last,
            self.pick(JOB_TITLES),
            self.phone(country, area),
            self.phone(country, "6"),
            self.email(mailbox, domain),
            self.email(f"{slug(first)[0]}{slug(last)}", domain),
        )

    def _company_name(self, country: Country) -> tuple[str, str]:
        """A name and the domain that goes with it."""
        chance = self.rng.random()
        surname, trade = self.pick(country.surnames), self.pick(country.trades)
        if chance < 0.45:
            core = f"{surname} {trade}"
        elif chance < 0.65:
            core = f"{trade} {surname}"
        elif chance < 0.85:
            core = f"{surname} & {self.pick(country.surnames)} {trade}"
        else:
            core = f"{self.pick(country.first_names)} {surname} {trade}"
        return f"{core} {self.pick(country.legal_forms)}", f"{slug(core)}.example"

    def _street(self, country: Country) -> str:
        number = int(self.rng.random() ** 2 * 240) + 1
        street = self.pick(country.streets)
        return f"{number} {street}" if country.house_first else f"{street} {number}"

    def _second_line(self) -> str:
        chance = self.rng.random()
        return "" if chance < 0.8 else f"Unit {int(chance * 997) % 40 + 1}"

    def _post_code(self, country: Country, city: City) -> str:
        filled = [
            "0123456789"[int(self.rng.random() * 10)] if sign == "#"
            else "ABCDEGHJKLNPRTVWXZ"[int(self.rng.random() * 18)] if sign == "@"
            else sign
            for sign in country.post_code
        ]  # fmt: skip
        return city.post + "".join(filled)


def phone_style(dial: str, area: str, subscriber: str, style: int) -> str:
    """One number as four typists write it: `+31 20 123 4567`, `020-1234567`, `(020) 123 4567`, `0031201234567`."""
    if style == 0:
        return f"+{dial} {area} {subscriber[:3]} {subscriber[3:]}"
    if style == 1:
        return f"0{area}-{subscriber}"
    if style == 2:
        return f"(0{area}) {subscriber[:3]} {subscriber[3:]}"
    return f"00{dial}{area}{subscriber}"


def phone_retyped(dial: str, phone: str) -> str:
    """The same number in the international style without spaces; what cannot be read stays as it is."""
    digits = "".join(sign for sign in phone if sign.isdigit())
    if digits.startswith("00" + dial):
        return "+" + digits[2:]
    if phone.startswith("+"):
        return "0" + digits[len(dial) :]
    return f"+{dial}{digits[1:]}"
