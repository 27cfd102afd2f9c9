"""Great Expectations judges what was measured: a checkpoint per table, an expectation per rule."""

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.core import ExpectationSuiteValidationResult
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
)

from la_pipeline_failure_predict.quality.measure import Measured
from la_pipeline_failure_predict.tables import Rule


class Judge:
    """Great Expectations' context for one check; it keeps nothing on disk."""

    def __init__(self) -> None:
        self._context = gx.get_context(
            mode="ephemeral",
            project_config=DataContextConfig(
                store_backend_defaults=InMemoryStoreBackendDefaults(),
                progress_bars={"globally": False},
                analytics_enabled=False,
            ),
        )
        asset = self._context.data_sources.add_pandas("warehouse").add_dataframe_asset("figures")
        self._batch = asset.add_batch_definition_whole_dataframe("figures")

    def judge(self, measured: Measured) -> ExpectationSuiteValidationResult:
        """Judge the figures of a table, a frame of one row with a column per rule."""
        name = f"{measured.table.schema}.{measured.table.name}"
        figures = {rule: value for rule, value in measured.figures.items() if value is not None}
        suite = gx.ExpectationSuite(name=name, expectations=list(map(_expectation, figures)))
        definition = gx.ValidationDefinition(
            name=name, data=self._batch, suite=self._context.suites.add(suite)
        )
        checkpoint = gx.Checkpoint(
            name=name,
            validation_definitions=[self._context.validation_definitions.add(definition)],
        )
        # Objects, so that figures stay Python's numbers, which Data Docs can write.
        frame = pd.DataFrame([{rule.name: value for rule, value in figures.items()}], dtype=object)
        run = checkpoint.run(batch_parameters={"dataframe": frame})
        (validation,) = run.run_results.values()
        return validation


def _expectation(rule: Rule) -> gxe.Expectation:
    """Return the expectation that the figure of a rule, in a column of its name, is in bound."""
    return gxe.ExpectColumnMaxToBeBetween(
        column=rule.name,
        min_value=rule.bound.lower,
        max_value=rule.bound.upper,
        strict_min=rule.bound.excludes_lower,
        strict_max=rule.bound.excludes_upper,
        severity="warning" if rule.severity == "warning" else "critical",
        description=_description(rule),
    )


def _description(rule: Rule) -> str:
    """Return what Data Docs say of a rule, whether it holds or not."""
    unit = "" if rule.query else " % of the rows" if rule.is_share else " rows"
    return f"{rule.name}: {rule.reason.rstrip('.')}. Allowed: {rule.bound}{unit}."
