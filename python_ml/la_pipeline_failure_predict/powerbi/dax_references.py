"""What a DAX expression names: columns, measures, tables."""

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      //[^\n]* | --[^\n]* | /\*.*?\*/ | "(?:[^"]|"")*"
    | (?: '(?P<quoted>(?:[^']|'')*)'\s* | (?P<bare>[^\W\d]\w*) )? \[(?P<name>(?:[^\]]|\]\])*)\]
    | '(?P<table>(?:[^']|'')*)'
    | (?P<word>[^\W\d]\w*+) (?!\s*\()
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class References:
    """What an expression names, outside of texts and comments.

    Attributes
    ----------
    columns
        Table and column, as in 'Pipe Risk'[Rank].
    names
        What stands in brackets alone: a measure, or a column of the expression's own table.
    words
        Tables, variables and keywords: only a model knows which of them are tables.
    """

    columns: frozenset[tuple[str, str]]
    names: frozenset[str]
    words: frozenset[str]


def read_references(expression: str) -> References:
    """Return what an expression names."""
    columns, names, words = set(), set(), set()
    for token in _TOKEN.finditer(expression):
        table = token["quoted"] if token["quoted"] is not None else token["bare"]
        if token["name"] is not None:
            name = token["name"].replace("]]", "]")
            names.add(name) if table is None else columns.add((table.replace("''", "'"), name))
        elif word := token["table"] or token["word"]:
            words.add(word.replace("''", "'"))
    return References(frozenset(columns), frozenset(names), frozenset(words))
