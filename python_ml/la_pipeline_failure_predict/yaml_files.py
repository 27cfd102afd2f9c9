"""Read YAML that people write: every value as it is written, and what is wrong in a sentence."""

import types
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import read_text

# What a reader of pydantic's kinds of error is told instead of pydantic's own words.
WORDS = {
    "missing": "is missing",
    "string_type": "must be a text; write it in quotes",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "tuple_type": "must be a list, such as [a, b]",
    "list_type": "must be a list, such as [a, b]",
    "too_short": "must not be empty",
    "dict_type": "must be a list of key: value lines",
    "model_type": "must be a list of key: value lines",
    "date_from_datetime_parsing": "must be a day that exists, written as 2005-01-31",
    "date_from_datetime_inexact": "must be a day that exists, written as 2005-01-31",
    "date_parsing": "must be a day that exists, written as 2005-01-31",
    "date_type": "must be a day that exists, written as 2005-01-31",
}


class _WrittenLoader(yaml.SafeLoader):
    """A loader for which only nothing is special: No, 017 and 2024-02-31 stay what they are."""


_WrittenLoader.yaml_implicit_resolvers = {
    first: kept
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    if (
        kept := [
            (tag, pattern)
            for tag, pattern in resolvers
            if tag in ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")
        ]
    )
}


class _TypedLoader(yaml.SafeLoader):
    """A loader of texts, numbers and truth values, for which a day is a text."""


_TypedLoader.yaml_implicit_resolvers = {
    first: [pair for pair in resolvers if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_written(path: Path, what: str) -> object:
    """Return the content of a YAML file in which all values are texts, lists or key: value lines.

    Parameters
    ----------
    what
        What the file is, to begin a sentence with.

    Raises
    ------
    UserError
        If the file is not YAML, or no file that people write.
    FileNotFoundError
        If there is none, which is the caller's to explain.
    """
    return _read(path, what, _WrittenLoader)


def read_typed(path: Path, what: str) -> object:
    """Return the content of a YAML file with its numbers and truth values; days are texts.

    Parameters and errors are those of `read_written`.
    """
    return _read(path, what, _TypedLoader)


def _read(path: Path, what: str, loader: type[yaml.SafeLoader]) -> object:
    try:
        return yaml.load(read_text(path, what), loader)  # noqa: S506
    except yaml.YAMLError as error:
        raise UserError(f"{what} {path} is not YAML: {_where(error)}.") from None
    except RecursionError:
        raise UserError(f"{what} {path} is nested too deep: write it as in the example.") from None


def explain_invalid(error: ValidationError, model: type[BaseModel], *above: str) -> str:
    """Return where the first fault is and what is wrong, as ``place: words``.

    Parameters
    ----------
    model
        The model that the content was read as.
    above
        Keys under which the content lies.
    """
    faults = error.errors()
    # Of a value that may be of several kinds, a key that is not known says most.
    first = next((item for item in faults if item["type"] == "extra_forbidden"), faults[0])
    keys = [str(part) for part in first["loc"] if not _is_tag(part)]
    place = ".".join((*above, *keys))
    if first["type"] == "extra_forbidden":
        return f"{'.'.join((*above, *keys[:-1])) or 'top level'}: {_unknown(keys, model)}"
    return f"{place or 'top level'}: {_words(first)}"


def _words(fault: Mapping[str, Any]) -> str:
    kind, context = fault["type"], fault.get("ctx") or {}
    if kind == "value_error":
        return str(context["error"])
    if kind in ("literal_error", "enum"):
        given = fault["input"]
        return f"{given!r} is none of {context['expected'].replace(' or ', ', ')}"
    if kind == "string_too_long":
        return f"is longer than {context['max_length']} characters"
    if kind in WORDS:
        return WORDS[kind]
    message = str(fault["msg"])
    return message.replace("Input should", "must").replace("a valid ", "a ")


def _unknown(keys: Sequence[str], model: type[BaseModel]) -> str:
    *path, given = keys
    known = sorted({key for each in _models_at(path, model) for key in _keys(each)})
    near = get_close_matches(given.lower(), known, 1)
    if near:
        return f"there is no key {given!r} (did you mean {near[0]}?)"
    return f"there is no key {given!r}; there are {', '.join(known)}"


def _keys(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield field.alias or name


def _models_at(path: Sequence[str], kind: object) -> Iterator[type[BaseModel]]:
    """Yield the models that may stand at a path of keys below a type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        for argument in arguments:
            yield from _models_at(path, argument)
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        if not path:
            yield kind
        for name, field in kind.model_fields.items():
            if path and path[0] in (name, field.alias):
                yield from _models_at(path[1:], field.annotation)
    elif arguments and path:
        value = arguments[1] if origin in (dict, Mapping) else arguments[0]
        yield from _models_at(path[1:], value)


def _is_tag(part: int | str) -> bool:
    """Whether a part of a place is pydantic's name of a type rather than a key."""
    return isinstance(part, str) and (part == "date" or part.rstrip("]").endswith("Rule"))


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    line = f" (line {mark.line + 1})" if mark else ""
    return str(getattr(error, "problem", None) or str(error).splitlines()[0]) + line
