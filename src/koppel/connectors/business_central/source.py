"""Reading records of one page of one company."""

from collections.abc import Sequence
from dataclasses import dataclass

from koppel.connectors.business_central.blanks import shown
from koppel.connectors.business_central.page import Page
from koppel.connectors.odata import decode
from koppel.connectors.odata.reading import Source


@dataclass(frozen=True, kw_only=True)
class PageSource(Source):
    """One page; `path` leads through its company."""

    page: Page

    def decoder(self, fields: Sequence[str]) -> "Decoder":
        """Reads the key, the stamp and these fields."""
        return Decoder(self, fields)


class Decoder(decode.Decoder):
    """Reads pages of JSON, with blanks and choices as koppel means them."""

    def __init__(self, source: PageSource, fields: Sequence[str]) -> None:
        super().__init__(source.session.system, source.properties(fields), source.key, source.stamp)
        self._of = source.page

    def page(self, body: bytes) -> decode.Page:
        """The page that an answer holds. Raises BadAnswer when it holds none."""
        page = super().page(body)
        return decode.Page(shown(page.frame, self._of), page.etags, page.next_link, page.delta_link)
