"""`la-pipes`: the command line. The only package that talks to the screen; one module a concern."""

import click

from la_pipeline_failure_predict import __version__
from la_pipeline_failure_predict.cli.check import check
from la_pipeline_failure_predict.cli.contracts import contracts
from la_pipeline_failure_predict.cli.data import link, load, sample
from la_pipeline_failure_predict.cli.model import backtest, promote, score, train
from la_pipeline_failure_predict.cli.plan import plan
from la_pipeline_failure_predict.cli.powerbi import powerbi
from la_pipeline_failure_predict.cli.project import doctor, init
from la_pipeline_failure_predict.cli.quarantine import quarantine
from la_pipeline_failure_predict.cli.run import build, demo, run
from la_pipeline_failure_predict.cli.show import compare, notebooks, report

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
def main() -> None:
    """Predict water-main breaks and say which mains to renew first.

    \b
    Start here:        la-pipes demo
    Your own city:     la-pipes load pipes mains.csv --mapping my_city.yml
    What is missing:   la-pipes doctor
    """


for command in (
    init,
    sample,
    load,
    quarantine,
    link,
    build,
    train,
    backtest,
    score,
    promote,
    check,
    run,
    demo,
    plan,
    report,
    notebooks,
    compare,
    doctor,
    contracts,
    powerbi,
):
    main.add_command(command)
