"""Questions to a person: only on a terminal, on stderr; and each has an option that answers it beforehand."""

import sys
from collections.abc import Callable, Mapping

from koppel.cli.options import Common, usage

_YES = ("yes", "y", "ja", "j")
_NO = ("no", "n", "nee")


def on_terminal() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def yes_or_no(word: str) -> bool | None:
    """What a word means as an answer; None when it is none. English and Dutch."""
    said = word.strip().lower()
    if said in _YES:
        return True
    return False if said in _NO else None


def _line(question: str) -> str | None:
    """One line of the user's; None at the end of the input."""
    print(question, end=" ", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    return line.strip() if line else None


def ask(question: str) -> bool:
    """Ask until the answer is Yes or No (Ja or Nee). The end of the input is No."""
    while True:
        line = _line(f"{question} [Yes/No]")
        if line is None:
            print(file=sys.stderr)
            return False
        answer = yes_or_no(line)
        if answer is not None:
            return answer
        print("Answer Yes or No.", file=sys.stderr)


def confirmed(question: str | Callable[[], str], common: Common, needed: bool) -> bool:
    """Whether to go ahead. Without a terminal that is yes; where one is `needed`, an error that asks for `--yes`.

    A question that has to be found out is found out only when it is asked.
    """
    if common.yes or not (needed or on_terminal()):
        return True
    words = question if isinstance(question, str) else question()
    if on_terminal():
        return ask(words)
    raise usage(words.rstrip("?") + ": nobody can be asked, for there is no terminal", "say --yes")


def choose(question: str, choices: Mapping[str, str]) -> str | None:
    """One of the choices (word → what it means), by its word or its number; None at the end of the input."""
    words = list(choices)
    for number, word in enumerate(words, 1):
        print(f"  {number}  {word}: {choices[word]}", file=sys.stderr)
    while True:
        line = _line(f"{question} [{'/'.join(words)}]")
        if line is None or line in words:
            return line
        if line.isdigit() and 1 <= int(line) <= len(words):
            return words[int(line) - 1]
        print(f"Answer {', '.join(words[:-1])} or {words[-1]}.", file=sys.stderr)
