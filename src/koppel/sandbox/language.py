"""Texts in another language: what a service tells whoever does not read English (wire 2.3, 2.8, 4.3.8).

It is no real language. Every word is disguised, so that nobody can match one; names, what stands in quotes, parentheses
or marks of XML, and the number of the call stay, as they do in translations.
"""

import re

_KEPT = re.compile(r"""('[^']*'|"[^"]*"|\([^()]*\)|<[^>]*>|\b\w*[_\d]\w*|\b\w+[A-Z]\w*|CorrelationId:\s+[\w-]+\.)""")
_DISGUISE = str.maketrans("aeiouyAEIOUY", "åéîøüÿÅÉÎØÜŸ")


def disguised(text: str) -> str:
    """A text in no language that anybody knows."""
    pieces = _KEPT.split(text)  # every second one is kept
    return "".join(piece if at % 2 else piece.translate(_DISGUISE) for at, piece in enumerate(pieces))
