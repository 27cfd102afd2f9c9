"""`la-pipes`: the command line, the only package that talks to the screen."""

import click

from la_pipeline_failure_predict import __version__
from la_pipeline_failure_predict.cli.lazy import LazyGroup

__all__ = ["main"]

# Command -> module of this package, in the order of the help.
COMMANDS = {
    "init": "project",
    "sample": "data",
    "download": "download",
    "inspect": "inspect",
    "load": "data",
    "quarantine": "quarantine",
    "loads": "loads",
    "link": "data",
    "build": "run",
    "train": "model",
    "backtest": "model",
    "score": "model",
    "promote": "model",
    "check": "check",
    "run": "run",
    "demo": "run",
    "plan": "plan",
    "powerbi": "powerbi",
    "portal": "portal",
    "report": "show",
    "notebooks": "show",
    "compare": "show",
    "doctor": "project",
    "contracts": "contracts",
}


@click.group(
    cls=LazyGroup,
    modules=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__)
def main() -> None:
    """Predict water-main breaks and say which mains to renew first.

    \b
    Start here:        la-pipes demo
    Your own city:     la-pipes load pipes mains.csv --mapping my_city.yml
    What is missing:   la-pipes doctor
    """
