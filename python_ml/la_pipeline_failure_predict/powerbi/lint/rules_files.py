"""Rules about the files of the model: what Power BI expects in them, and their M."""

import re
from collections.abc import Iterator

from la_pipeline_failure_predict.powerbi import tmsl
from la_pipeline_failure_predict.powerbi.column_defaults import M_TYPES, TYPES
from la_pipeline_failure_predict.powerbi.lint.m_names import read_m
from la_pipeline_failure_predict.powerbi.lint.project import Project, read_json
from la_pipeline_failure_predict.powerbi.lint.rules import Finding, RuleBook, Spot
from la_pipeline_failure_predict.powerbi.lint.rules_names import GUID

# Those that versions of Power BI Desktop have written since models are imported by M.
COMPATIBILITY_LEVELS = (1500, *range(1520, 1573), *range(1600, 1610), *range(1700, 1710))
# What the Tabular Object Model knows of each kind of object, as TMDL writes it.
PROPERTIES = {
    kind: frozenset(names.split())
    for kind, names in {
        "database": "id compatibilityLevel compatibilityMode language",
        "model": "automaticAggregationOptions collation culture dataAccessOptions defaultMode "
        "dataSourceDefaultMaxConnections dataSourceVariablesOverrideBehavior defaultMeasure "
        "defaultPowerBIDataSourceVersion directLakeBehavior disableAutoExists "
        "discourageCompositeModels discourageImplicitMeasures discourageReportMeasures "
        "forceUniqueNames mAttributes maxParallelismPerQuery maxParallelismPerRefresh "
        "metadataAccessPolicy selectionExpressionBehavior sourceQueryCulture storageLocation "
        "valueFilterBehavior",
        "table": "alternateSourcePrecedence changedProperty dataCategory "
        "excludeFromAutomaticAggregations excludeFromModelRefresh isHidden isPrivate lineageTag "
        "showAsVariationsOnly sourceLineageTag systemManaged",
        "column": "alignment changedProperty dataCategory dataType displayFolder displayOrdinal "
        "encodingHint evaluationBehavior formatString isAvailableInMdx isDataTypeInferred "
        "isDefaultImage isDefaultLabel isHidden isKey isNameInferred isNullable isUnique "
        "keepUniqueRows lineageTag sortByColumn sourceColumn sourceLineageTag sourceProviderType "
        "summarizeBy tableDetailPosition",
        "measure": "changedProperty dataCategory dataType displayFolder formatString isHidden "
        "isSimpleMeasure lineageTag sourceLineageTag",
        "hierarchy": "changedProperty displayFolder hideMembers isHidden lineageTag "
        "sourceLineageTag",
        "level": "changedProperty column lineageTag ordinal sourceLineageTag",
        "partition": "dataView mode queryGroup retainDataTillForceCalculate source",
        "relationship": "changedProperty crossFilteringBehavior fromCardinality fromColumn "
        "isActive joinOnDateBehavior relyOnReferentialIntegrity securityFilteringBehavior "
        "toCardinality toColumn",
        "expression": "kind lineageTag mAttributes queryGroup remoteParameterName sourceLineageTag",
        "role": "modelPermission",
        "tablePermission": "metadataPermission",
    }.items()
}
VALUES = {
    name: frozenset(values.split())
    for name, values in {
        "dataType": "automatic binary boolean dateTime decimal double int64 string unknown variant",
        "summarizeBy": "average count default distinctCount max min none sum",
        "mode": "default directLake directQuery dual import push",
        "crossFilteringBehavior": "automatic bothDirections oneDirection",
        "fromCardinality": "many none one",
        "toCardinality": "many none one",
        "joinOnDateBehavior": "dateAndTime datePartOnly",
        "modelPermission": "administrator none read readRefresh refresh",
    }.items()
}
# Data type of the column that a type of M makes.
TYPES_OF_M = {M_TYPES[name].removeprefix("type "): kind for name, kind in TYPES.items()}

# What a warehouse does better, and where the database cannot help any more.
STEPS_OF_A_WAREHOUSE = re.compile(
    r"Table\.(AddColumn|Combine|Distinct|Group|Join|NestedJoin|Pivot|Sort|Unpivot\w*)"
    r"|Value\.NativeQuery|(Odbc|OleDb)\.Query"
)

book = RuleBook[Project]()


@book.error("COMPATIBILITY_LEVEL")
def _level_is_known(project: Project) -> Iterator[Finding]:
    level = project.read.details.compatibility_level
    if level not in COMPATIBILITY_LEVELS:
        file = project.path_of(project.model_folder / "definition" / "database.tmdl")
        yield (
            Spot(file, "database"),
            f"has the compatibility level {level or 'none'}, which Power BI does not know: "
            f"set compatibilityLevel: {tmsl.COMPATIBILITY_LEVEL}",
        )


@book.warning("UNKNOWN_PROPERTY")
def _properties_are_known(project: Project) -> Iterator[Finding]:
    for one in project.read.details.declarations:
        for name in one.properties.keys() - PROPERTIES.get(one.kind, one.properties.keys()):
            yield (
                project.spot(one),
                f"has a {name}, which Power BI does not know of a {one.kind}: correct or delete it",
            )


@book.error("UNKNOWN_VALUE")
def _values_are_known(project: Project) -> Iterator[Finding]:
    for one in project.read.details.declarations:
        for name, known in VALUES.items():
            value = one.properties.get(name)
            if value is not None and value not in known:
                yield (
                    project.spot(one),
                    f"has the {name} {value!r}: choose one of {', '.join(sorted(known))}",
                )


@book.error("ONE_PARTITION")
def _tables_have_one_partition(project: Project) -> Iterator[Finding]:
    for table in project.tables:
        parts = table.of("partition")
        if len(parts) != 1:
            yield (
                project.spot(table),
                f"has {len(parts)} partitions, and Power BI Desktop opens tables of one: "
                f"{'delete the others' if parts else 'build it again'}",
            )
        for part in parts:
            if not part.properties.get("source", "").strip() and part.value in ("m", "calculated"):
                yield project.spot(part), "has no source: write its M below source ="


@book.error("UNREFERENCED_TABLE")
def _files_and_references_agree(project: Project) -> Iterator[Finding]:
    for kind in ("table", "role"):
        declared, named = project.of(kind), project.of(f"ref {kind}")
        names = {one.name for one in declared}
        for one in declared:
            if one.name not in {other.name for other in named}:
                yield (
                    project.spot(one),
                    f"is not named in model.tmdl: write ref {kind} with its name there",
                )
        for one in named:
            if one.name not in names:
                yield (
                    project.spot(one),
                    "names what has no file: delete the line, or restore the file",
                )


@book.warning("AUTO_DATE_TABLES")
def _no_dates_are_made(project: Project) -> Iterator[Finding]:
    path = project.model_folder / "definition" / "model.tmdl"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if not re.search(r"^\s*annotation __PBI_TimeIntelligenceEnabled = 0\s*$", text, re.MULTILINE):
        yield (
            Spot(project.path_of(path), "The model"),
            "gets a hidden table of dates for each of its dates: write annotation "
            "__PBI_TimeIntelligenceEnabled = 0 below it",
        )


@book.error("PLATFORM")
def _items_are_identified(project: Project) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    items = [(project.model_folder, "SemanticModel")]
    items += [(report.folder, "Report") for report in project.reports]
    for folder, kind in items:
        spot = Spot(project.path_of(folder / ".platform"), folder.name)
        platform = read_json(folder / ".platform")
        logical_id = str(platform.get("config", {}).get("logicalId", ""))
        metadata = platform.get("metadata", {})
        if not platform:
            yield spot, "has no .platform, without which Desktop does not open it: build it again"
        elif metadata.get("type") != kind or not metadata.get("displayName"):
            yield (
                spot,
                f"is not declared as a {kind} with a displayName in .platform: build it again",
            )
        elif not GUID.fullmatch(logical_id):
            yield spot, f"has the logicalId {logical_id!r}, which is not a GUID: build it again"
        elif other := seen.get(logical_id.lower()):
            yield spot, f"has the logicalId of {other}: build it again"
        seen[logical_id.lower()] = folder.name


@book.error("MODEL_SETTINGS")
def _model_is_read_as_tmdl(project: Project) -> Iterator[Finding]:
    path = project.model_folder / "definition.pbism"
    version = str(read_json(path).get("version", ""))
    if not re.fullmatch(r"([4-9]|\d{2,})\.\d+", version):
        yield (
            Spot(project.path_of(path), "definition.pbism"),
            f"has the version {version or 'none'}, and TMDL needs 4.0 or later: build it again",
        )


@book.error("M_SYNTAX")
def _queries_are_whole(project: Project) -> Iterator[Finding]:
    for table, query in project.queries:
        if query.fault:
            yield project.spot(table), f"imports by M that {query.fault}: correct it"


@book.error("M_NAME_MISSING")
def _queries_name_what_is_there(project: Project) -> Iterator[Finding]:
    known = {one.name for one in (*project.of("expression"), *project.tables)}
    for table, query in project.queries:
        for name in sorted(query.unknown - known):
            yield (
                project.spot(table),
                f"imports by M that names {name}, which is neither a step nor a parameter: name "
                "another",
            )


@book.warning("UNUSED_PARAMETER")
def _parameters_are_used(project: Project) -> Iterator[Finding]:
    parameters = project.of("expression")
    queries = [query for _, query in project.queries] + [read_m(one.value) for one in parameters]
    read = {name for query in queries for name in query.unknown}
    for one in parameters:
        if one.name not in read:
            yield project.spot(one), "is a parameter that no table uses: delete it"


@book.error("M_COLUMN_MISSING")
def _queries_type_columns_of_the_table(project: Project) -> Iterator[Finding]:
    for table, query in project.queries:
        sources = {one.properties.get("sourceColumn") for one in table.of("column")}
        for name, _ in query.types:
            if name not in sources:
                yield (
                    project.spot(table),
                    f"imports by M that types {name}, which none of its columns is read from: "
                    "name another, or delete it",
                )


@book.error("M_TYPE")
def _queries_and_columns_agree(project: Project) -> Iterator[Finding]:
    for table, query in project.queries:
        types = {name: TYPES_OF_M.get(type_of_m) for name, type_of_m in query.types}
        for column in table.of("column"):
            made = types.get(column.properties.get("sourceColumn", ""))
            wanted = column.properties.get("dataType")
            if made and made != wanted:
                yield (
                    project.spot(column),
                    f"is {wanted}, and the M of its table makes it {made}: change one of them",
                )


@book.error("M_OTHER_VIEW")
def _queries_read_the_view(project: Project) -> Iterator[Finding]:
    for table, query in project.queries:
        view = table.annotations.get(tmsl.VIEW)
        texts = {text.removesuffix(".parquet").rpartition("/")[2] for text in query.texts}
        if view and view not in texts:
            yield (
                project.spot(table),
                f"is of the view {view}, and its M reads another one: build it again",
            )


@book.warning("MINIMIZE_POWER_QUERY_TRANSFORMATIONS")
def _the_warehouse_transforms(project: Project) -> Iterator[Finding]:
    for part in project.of("partition"):
        if found := STEPS_OF_A_WAREHOUSE.search(part.properties.get("source", "")):
            yield project.spot(part), f"transforms by {found.group()}: do it in the dbt model"
