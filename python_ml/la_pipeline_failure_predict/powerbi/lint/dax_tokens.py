"""DAX as tokens: enough to see what an expression names and calls, not what it computes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

_TOKEN = re.compile(
    r"""
      (?P<gap>\s+ | //[^\n]* | --[^\n]* | /\*.*?\*/)
    | (?P<text>"(?:[^"]|"")*")
    | (?P<table>'(?:[^']|'')*')
    | (?P<name>\[(?:[^\]]|\]\])*\])
    | (?P<word>[^\W\d][\w.]*)
    | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)
    | (?P<sign>&&|\|\||<>|<=|>=|==|[-+*/^&=<>(){},.])
    | (?P<stray>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PAIRS = {")": "(", "}": "{"}
# Words between names that are not names, and words that some functions take as an argument.
_KEYWORD = re.compile("VAR|RETURN|IN|NOT|ORDER|BY|ASC|DESC|EVALUATE|DEFINE|MEASURE", re.IGNORECASE)
_ARGUMENT = re.compile(
    "SECOND|MINUTE|HOUR|DAY|WEEK|MONTH|QUARTER|YEAR|BOTH|NONE|ONEWAY|ONEWAY_LEFTFILTERSRIGHT"
    "|ONEWAY_RIGHTFILTERSLEFT|DENSE|SKIP|FIRST|LAST|DEFAULT|KEEP|REL|BLANKS|TRUE|FALSE|ALPHABETICAL"
    "|INTEGER|DOUBLE|STRING|BOOLEAN|CURRENCY|DATETIME|INT64|DECIMAL|TEXT|VARIANT",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Token:
    """A word or sign of an expression; names and texts are without their quotes."""

    kind: str
    text: str

    @property
    def is_keyword(self) -> bool:
        """Whether it is a word of the language that is no function."""
        return self.kind == "word" and _KEYWORD.fullmatch(self.text) is not None

    @property
    def is_table(self) -> bool:
        """Whether a name behind it is a column of it."""
        return self.kind == "table" or (self.kind == "word" and not self.is_keyword)


@dataclass(frozen=True)
class Dax:
    """An expression taken apart, without its comments."""

    tokens: tuple[Token, ...]

    @cached_property
    def columns(self) -> list[tuple[str, str]]:
        """Table and name of what is written with its table, such as Date[Year]."""
        return [
            (before.text, token.text)
            for before, token in self._with_previous()
            if token.kind == "name" and before.is_table
        ]

    @cached_property
    def names(self) -> list[str]:
        """What stands in brackets alone: a measure, or a column without its table."""
        return [
            token.text
            for before, token in self._with_previous()
            # A dot leads to a part of a date that Power BI made a hierarchy of.
            if token.kind == "name" and not before.is_table and before.text != "."
        ]

    @cached_property
    def tables(self) -> list[str]:
        """Tables that stand alone, as in COUNTROWS(Areas)."""
        return [
            one.text
            for one, after in self._with_next()
            if after.kind != "name" and (one.kind == "table" or self._is_bare_table(one, after))
        ]

    def _is_bare_table(self, one: Token, after: Token) -> bool:
        return (
            one.is_table
            and after.text != "("
            and not _ARGUMENT.fullmatch(one.text)
            and one.text.lower() not in self.variables
        )

    @cached_property
    def functions(self) -> list[str]:
        """Functions that it calls, in capitals."""
        return [
            one.text.upper()
            for one, after in self._with_next()
            if one.is_table and after.text == "("
        ]

    @cached_property
    def variables(self) -> set[str]:
        """Names after VAR, in lowercase."""
        return {
            token.text.lower()
            for before, token in self._with_previous()
            if before.is_keyword and before.text.upper() == "VAR"
        }

    @cached_property
    def texts(self) -> set[str]:
        """Texts that it holds: among them the columns that it makes."""
        return {token.text for token in self.tokens if token.kind == "text"}

    def fault(self) -> str:
        """Return why it cannot be DAX; nothing where no reason is seen."""
        open_signs: list[str] = []
        for token in self.tokens:
            if token.kind == "stray":
                return f"holds {token.text!r}, which is not DAX, or starts an open quote"
            if token.kind != "sign":
                continue
            if token.text in _PAIRS.values():
                open_signs.append(token.text)
            elif token.text in _PAIRS and open_signs[-1:] != [_PAIRS[token.text]]:
                return f"closes a {token.text!r} that is not open"
            elif token.text in _PAIRS:
                open_signs.pop()
        return f"leaves a {open_signs[-1]!r} open" if open_signs else ""

    def _with_previous(self) -> Iterator[tuple[Token, Token]]:
        return zip((_NOTHING, *self.tokens), self.tokens, strict=False)

    def _with_next(self) -> Iterator[tuple[Token, Token]]:
        return zip(self.tokens, (*self.tokens[1:], _NOTHING), strict=True)


_NOTHING = Token("end", "")
_QUOTES = {"text": '"', "table": "'", "name": "]"}


def read_dax(expression: str) -> Dax:
    """Take an expression apart."""
    return Dax(
        tuple(
            _token(str(found.lastgroup), found.group())
            for found in _TOKEN.finditer(expression)
            if found.lastgroup != "gap"
        )
    )


def _token(kind: str, text: str) -> Token:
    if quote := _QUOTES.get(kind):
        return Token(kind, text[1:-1].replace(quote * 2, quote))
    return Token(kind, text)
