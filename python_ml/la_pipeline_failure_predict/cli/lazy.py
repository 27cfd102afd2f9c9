"""Groups whose help cuts no summary short; one imports a command only when it is called."""

import ast
import re
from collections.abc import Mapping
from importlib import import_module, resources

import click
from click.shell_completion import CompletionItem

PACKAGE = "la_pipeline_failure_predict.cli"


class Group(click.Group):
    """A group whose help has the first line of each command, not cut short."""

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands with their first lines of help."""
        rows = [(name, self.summary(context, name)) for name in self.list_commands(context)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def summary(self, context: click.Context, name: str) -> str:
        """Return the first line of help of a command."""
        command = self.get_command(context, name)
        return ((command and command.help) or "").partition("\n")[0]

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return what a shell may complete a word to: commands, and options."""
        commands = [
            CompletionItem(name, help=self.summary(context, name))
            for name in self.list_commands(context)
            if name.startswith(incomplete)
        ]
        # Not click's, which imports every command to see whether it is hidden.
        return [*commands, *click.Command.shell_complete(self, context, incomplete)]


class LazyGroup(Group):
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

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Refuse an empty argument: a command would take it for one that is not given."""
        if any(re.fullmatch(r"(--[\w-]+=)?", argument) for argument in args):
            raise click.UsageError(
                "An argument is empty: set the variable of the shell that it comes from, or leave "
                "it out."
            )
        return super().parse_args(context, args)

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(self._modules)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import a command, None where there is none of this name."""
        if name not in self._modules:
            return None
        command: click.Command = getattr(import_module(f"{PACKAGE}.{self._modules[name]}"), name)
        return command

    def summary(self, context: click.Context, name: str) -> str:
        """Return the first line of help of a command, importing none."""
        return _first_line(self._modules[name], name)


def _first_line(module: str, name: str) -> str:
    source = (resources.files(PACKAGE) / f"{module}.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    raise LookupError(f"{module}.py has no command {name}")
