"""Names in M, the language of Power Query: what an expression reads, makes and types."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

_TOKEN = re.compile(
    r"""
      (?P<gap>\s+ | //[^\n]* | /\*.*?\*/)
    | (?P<text>"(?:[^"]|"")*")
    | (?P<quoted>\#"(?:[^"]|"")*")
    | (?P<word>\#?[^\W\d][\w.]*)
    | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)
    | (?P<sign>=> | \.\.\. | <> | <= | >= | \?\? | [-+*/&=<>(){}\[\],;?@])
    | (?P<stray>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_KEYWORD = re.compile(
    "and|as|each|else|error|false|if|in|is|let|meta|not|null|optional|or|otherwise|section|shared"
    "|then|true|try|type|nullable|table|list|record|function|any|anynonnull|binary|date|datetime"
    "|datetimezone|duration|logical|none|number|text|time|action|_"
)
_CLOSING = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True)
class MNames:
    """What an expression in M names.

    Attributes
    ----------
    unknown
        Names that it reads and does not make: queries and parameters.
    texts
        Texts that it holds.
    types
        Column and type of each pair ``{"column", type date}``.
    fault
        Why it cannot be M; empty where no reason is seen.
    """

    unknown: frozenset[str]
    texts: frozenset[str]
    types: tuple[tuple[str, str], ...]
    fault: str


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


def read_m(expression: str) -> MNames:
    """Return what an expression names."""
    tokens = [
        _token(str(found.lastgroup), found.group())
        for found in _TOKEN.finditer(expression)
        if found.lastgroup != "gap"
    ]
    return MNames(
        unknown=frozenset(_unknown(tokens)),
        texts=frozenset(token.text for token in tokens if token.kind == "text"),
        types=tuple(_types(tokens)),
        fault=_fault(tokens),
    )


def _token(kind: str, text: str) -> _Token:
    if kind == "text":
        return _Token(kind, text[1:-1].replace('""', '"'))
    if kind == "quoted":
        return _Token("word", text[2:-1].replace('""', '"'))
    return _Token(kind, text)


def _unknown(tokens: Sequence[_Token]) -> set[str]:
    """Return what is read and not made; [Schema = Schema] reads the one outside of its record."""
    outer = {
        one.text
        for one, sign, other in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if one == other and one.kind == "word" and sign.text == "="
    }
    return outer | {token.text for token in _read(tokens)} - set(_made(tokens))


def _made(tokens: Sequence[_Token]) -> Iterator[str]:
    """Yield the steps after let, the fields of records and the parameters of functions."""
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if token.kind == "word" and after.text == "=" and before.text in ("let", ",", "["):
            yield token.text
    for place, token in enumerate(tokens):
        if token.text == "=>":
            start = max(at for at in range(place) if tokens[at].text == "(" or at == 0)
            yield from (one.text for one in tokens[start:place] if one.kind == "word")


def _read(tokens: Sequence[_Token]) -> Iterator[_Token]:
    """Yield the names that are read: no keywords, functions of M, fields or record keys."""
    for place, token in enumerate(tokens):
        if token.kind != "word" or _KEYWORD.fullmatch(token.text):
            continue
        # The library's names hold a dot, or start with #, as in #date.
        if "." in token.text or token.text.startswith("#"):
            continue
        if not _is_field(tokens, place):
            yield token


def _is_field(tokens: Sequence[_Token], place: int) -> bool:
    """Tell whether a name is alone in its brackets, as in [Break Date]."""
    first = last = place
    while first > 0 and tokens[first - 1].kind == "word":
        first -= 1
    while last + 1 < len(tokens) and tokens[last + 1].kind == "word":
        last += 1
    return (
        first > 0
        and last + 1 < len(tokens)
        and tokens[first - 1].text == "["
        and tokens[last + 1].text == "]"
    )


def _types(tokens: Sequence[_Token]) -> Iterator[tuple[str, str]]:
    for place, (token, after) in enumerate(pairwise(tokens)):
        if token.text != "{" or after.kind != "text":
            continue
        rest = [one.text for one in tokens[place + 2 : place + 6]]
        if len(rest) == 4 and rest[:2] == [",", "type"] and rest[3] == "}":
            yield after.text, rest[2]
        elif len(rest) >= 3 and rest[0] == "," and rest[1].endswith(".Type") and rest[2] == "}":
            yield after.text, rest[1]


def _fault(tokens: Sequence[_Token]) -> str:
    opened: list[str] = []
    for token in tokens:
        if token.kind == "stray":
            return f"holds {token.text!r}, which is not M, or starts an open text"
        if token.kind != "sign":
            continue
        if token.text in _CLOSING.values():
            opened.append(token.text)
        elif token.text in _CLOSING and opened[-1:] != [_CLOSING[token.text]]:
            return f"closes a {token.text!r} that is not open"
        elif token.text in _CLOSING:
            opened.pop()
    if sum(token.text == "let" and token.kind == "word" for token in tokens) != sum(
        token.text == "in" and token.kind == "word" for token in tokens
    ):
        return "has a let without an in"
    return f"leaves a {opened[-1]!r} open" if opened else ""
