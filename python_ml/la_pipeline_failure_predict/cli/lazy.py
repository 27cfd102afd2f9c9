"""A group that imports a command only when it is called, so that --help is fast."""

import ast
from collections.abc import Mapping
from importlib import import_module, resources

import click

PACKAGE = "la_pipeline_failure_predict.cli"


class LazyGroup(click.Group):
    """A group that knows its commands by name and module.

    The help line of each command is read from its module as text, because importing the modules
    takes seconds.

    Parameters
    ----------
    modules
        Module of this package that holds each command, in the order of the help.
    """

    def __init__(self, *arguments: object, modules: Mapping[str, str], **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self._modules = modules

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(self._modules)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import a command, None where there is none of this name."""
        if name not in self._modules:
            return None
        command: click.Command = getattr(import_module(f"{PACKAGE}.{self._modules[name]}"), name)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands with their first lines of help, without importing them."""
        rows = [(name, _first_line(module, name)) for name, module in self._modules.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _first_line(module: str, name: str) -> str:
    source = (resources.files(PACKAGE) / f"{module}.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    raise LookupError(f"{module}.py has no command {name}")
