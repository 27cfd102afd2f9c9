"""Rules about the DAX of measures, computed columns and roles."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from la_pipeline_failure_predict.powerbi.lint.project import Formula, Project
from la_pipeline_failure_predict.powerbi.lint.rules import Finding, RuleBook
from la_pipeline_failure_predict.powerbi.names import written

book = RuleBook[Project]()


@book.error("DAX_SYNTAX")
def _expressions_are_whole(project: Project) -> Iterator[Finding]:
    for formula in project.formulas:
        if fault := formula.dax.fault():
            yield formula.spot, f"{fault}: correct its DAX"


@book.error("DAX_TABLE_MISSING")
def _tables_are_there(project: Project) -> Iterator[Finding]:
    for formula in project.formulas:
        tables = (*formula.dax.tables, *(table for table, _ in formula.dax.columns))
        for name in dict.fromkeys(tables):
            if name.casefold() not in project.tables_by_name:
                yield formula.spot, f"names the table {name}, which does not exist: name another"


@book.error("DAX_COLUMN_MISSING")
def _columns_are_there(project: Project) -> Iterator[Finding]:
    for formula in project.formulas:
        for table, name in dict.fromkeys(formula.dax.columns):
            is_table = table.casefold() in project.tables_by_name
            if is_table and not project.member(table, name):
                yield (
                    formula.spot,
                    f"names {written(table, name)}, which does not exist: name another column",
                )


@book.error("DAX_MEASURE_MISSING")
def _measures_are_there(project: Project) -> Iterator[Finding]:
    for formula in project.formulas:
        for name in dict.fromkeys(formula.dax.names):
            if not _is_known(project, formula, name):
                yield formula.spot, f"names [{name}], which is not a measure: name another"


def _is_known(project: Project, formula: Formula, name: str) -> bool:
    """Tell whether a name is a measure, a column of the table, or a column that is made here."""
    is_made = name in formula.dax.texts or name.rstrip("0123456789") in ("Value", "Date")
    return is_made or project.resolve(name, formula.table) is not None


@book.error("DAX_CYCLE")
def _measures_end(project: Project) -> Iterator[Finding]:
    reads = {
        formula.declared.name.casefold(): {name.casefold() for name in formula.dax.names}
        for formula in project.formulas
        if formula.declared.kind == "measure"
    }
    for name in reads:
        reached, waiting = set(), list(reads[name])
        while waiting:
            at = waiting.pop()
            if at not in reached:
                reached.add(at)
                waiting += reads.get(at, ())
        if name in reached:
            yield (
                project.spot(project.measures_by_name[name]),
                "depends on itself: write out one of the measures that it names",
            )


@book.warning("DAX_COLUMNS_FULLY_QUALIFIED")
def _columns_are_qualified(project: Project) -> Iterator[Finding]:
    for formula in project.formulas:
        for name in dict.fromkeys(formula.dax.names):
            found = project.resolve(name, formula.table)
            if found and found.declared.kind == "column":
                yield formula.spot, f"names [{name}] without its table: write {found}"


@book.warning("DAX_MEASURES_UNQUALIFIED")
def _measures_are_not_qualified(project: Project) -> Iterator[Finding]:
    for formula in project.formulas:
        for table, name in dict.fromkeys(formula.dax.columns):
            found = project.member(table, name)
            if found and found.declared.kind == "measure":
                yield (
                    formula.spot,
                    f"names the measure {written(table, name)} like a column: write [{name}]",
                )


@book.warning("AVOID_DUPLICATE_MEASURES")
def _measures_differ(project: Project) -> Iterator[Finding]:
    same = defaultdict(list)
    for formula in project.formulas:
        if formula.declared.kind == "measure":
            same[formula.dax.tokens].append(formula)
    for first, *others in same.values():
        for other in others:
            yield other.spot, f"computes the same as [{first.declared.name}]: keep one of them"


@book.warning("MEASURES_SHOULD_NOT_BE_DIRECT_REFERENCES_OF_OTHER_MEASURES")
def _measures_compute(project: Project) -> Iterator[Finding]:
    for formula in project.formulas:
        is_measure = formula.declared.kind == "measure"
        if is_measure and [token.kind for token in formula.dax.tokens] == ["name"]:
            name = formula.dax.names[0]
            yield formula.spot, f"is [{name}] by another name: delete it, or compute something"


def _against(name: str, function: str, advice: str) -> None:
    """Add a rule against a function."""

    @book.warning(name)
    def _is_not_called(project: Project) -> Iterator[Finding]:
        for formula in project.formulas:
            if function in formula.dax.functions:
                yield formula.spot, f"calls {function}, {advice}"


_against(
    "AVOID_USING_THE_IFERROR_FUNCTION",
    "IFERROR",
    "which is slow and hides faults: use DIVIDE, or test for the case itself",
)
_against(
    "USE_THE_TREATAS_FUNCTION_INSTEAD_OF_INTERSECT",
    "INTERSECT",
    "which is slow as a filter: use TREATAS",
)
_against(
    "EVALUATEANDLOG_SHOULD_NOT_BE_USED_IN_PRODUCTION_MODELS",
    "EVALUATEANDLOG",
    "which is for looking for faults: delete the call",
)


@book.warning("USE_THE_DIVIDE_FUNCTION_FOR_DIVISION")
def _division_uses_divide(project: Project) -> Iterator[Finding]:
    for formula in project.formulas:
        tokens = formula.dax.tokens
        if any(
            sign.text == "/" and sign.kind == "sign" and divisor.kind != "number"
            for sign, divisor in pairwise(tokens)
        ):
            yield formula.spot, "divides by what may be zero: use DIVIDE"


@book.warning("AVOID_USING_'1-(X/Y)'_SYNTAX")
def _shares_are_of_the_difference(project: Project) -> Iterator[Finding]:
    for formula in project.formulas:
        tokens = formula.dax.tokens
        if any(
            number.kind == "number" and sign.text in "+-" and function.text.upper() == "DIVIDE"
            for number, sign, function in zip(tokens, tokens[1:], tokens[2:], strict=False)
        ):
            yield (
                formula.spot,
                "shows a number where there is nothing to divide: divide the difference instead",
            )


@book.warning("FILTER_COLUMN_VALUES")
def _columns_are_filtered(project: Project) -> Iterator[Finding]:
    for formula in project.formulas:
        for table, by in _filtered_tables(formula):
            if by in ("table", "word"):
                yield (
                    formula.spot,
                    f"filters all of {table} by a column: give CALCULATE the condition itself",
                )


@book.warning("FILTER_MEASURE_VALUES_BY_COLUMNS")
def _values_are_filtered(project: Project) -> Iterator[Finding]:
    for formula in project.formulas:
        for table, by in _filtered_tables(formula):
            if by == "name":
                yield (
                    formula.spot,
                    f"computes a measure for each row of {table}: filter VALUES of a column",
                )


def _filtered_tables(formula: Formula) -> Iterator[tuple[str, str]]:
    """Yield the tables that FILTER reads for CALCULATE, and what its condition starts with."""
    tokens = formula.dax.tokens
    if not {"CALCULATE", "CALCULATETABLE"} & set(formula.dax.functions):
        return
    for place, token in enumerate(tokens[:-4]):
        _, table, comma, condition = tokens[place + 1 : place + 5]
        if token.text.upper() == "FILTER" and table.is_table and comma.text == ",":
            yield table.text, condition.kind
