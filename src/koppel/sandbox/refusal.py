"""What a service refuses a call with: a status and a body with a code, which is what callers match on."""

from koppel.sandbox.exchange import Reply, json_reply
from koppel.sandbox.language import disguised

ODATA = {"OData-Version": "4.0"}
"""The header of every OData answer."""


class Refusal(Exception):
    """A refusal, as an OData error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def reply(self, english: bool = True) -> Reply:
        """It as an answer; its code is the same in every language."""
        text = self.message if english else disguised(self.message)
        return json_reply(self.status, {"error": {"code": self.code, "message": text}}, ODATA)
