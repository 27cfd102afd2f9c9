"""What is waived, and why: Microsoft's rules that are not here, and places that break one."""

from collections.abc import Mapping

from la_pipeline_failure_predict.powerbi.lint.rules import Waiver

# What the project breaks on purpose: nothing so far.
WAIVERS: tuple[Waiver, ...] = ()

# Of the rules that Microsoft publishes for Tabular Editor, by reason, those not checked.
_LEFT_OUT: Mapping[str, tuple[str, ...]] = {
    "House style: ISO dates, and as many decimals as a figure has.": (
        "DATECOLUMN_FORMATSTRING",
        "MONTHCOLUMN_FORMATSTRING",
        "PERCENTAGE_FORMATTING",
        "INTEGER_FORMATTING",
    ),
    "A table holds all columns of its view: what tomorrow's measure needs is there, hidden.": (
        "UNNECESSARY_COLUMNS",
    ),
    "It saves a little of the refresh, and Power BI Desktop has no way to see or undo it.": (
        "ISAVAILABLEINMDX_FALSE_NONATTRIBUTE_COLUMNS",
    ),
    "A fixed decimal has four places: 11 m of latitude, and nothing of a small chance.": (
        "AVOID_FLOATING_POINT_DATA_TYPES",
    ),
    "Keys are the utility's own texts; numbers made up for them would not survive a rebuild.": (
        "RELATIONSHIP_COLUMNS_SHOULD_BE_OF_INTEGER_DATA_TYPE",
    ),
    "Flags are booleans, which filters and conditions read as they are.": (
        "FORMAT_FLAG_COLUMNS_AS_YES/NO_VALUE_STRINGS",
    ),
    "A table of mains shows their figures one by one, which no measure is needed for.": (
        "HIDE_FACT_TABLE_COLUMNS",
    ),
    "Facts keep the material, era or street as it was on the day, beside that of the main.": (
        "REMOVE_REDUNDANT_COLUMNS_IN_RELATED_TABLES",
    ),
    "Members of a role are named in the service; the files hold none.": (
        "REMOVE_ROLES_WITH_NO_MEMBERS",
    ),
    "Who reads which area is looked up by the reader's name, in a table of a few rows.": (
        "CHECK_IF_DYNAMIC_ROW_LEVEL_SECURITY_(RLS)_IS_NECESSARY",
    ),
    "The model imports by M and has no such objects.": (
        "AVOID_STRUCTURED_DATA_SOURCES_WITH_PROVIDER_PARTITIONS",
        "CALCULATION_GROUPS_WITH_NO_CALCULATION_ITEMS",
        "MEASURES_USING_TIME_INTELLIGENCE_AND_MODEL_IS_USING_DIRECT_QUERY",
        "MODEL_USING_DIRECT_QUERY_AND_NO_AGGREGATIONS",
        "PERSPECTIVES_WITH_NO_OBJECTS",
        "REMOVE_DATA_SOURCES_NOT_REFERENCED_BY_ANY_PARTITIONS",
        "UNPIVOT_PIVOTED_(MONTH)_DATA",
    ),
    "No view comes near 25 million rows.": ("LARGE_TABLES_SHOULD_BE_PARTITIONED",),
    "CHECK_IF_BI-DIRECTIONAL_AND_MANY-TO-MANY_RELATIONSHIPS_ARE_VALID reports every one.": (
        "AVOID_BI-DIRECTIONAL_RELATIONSHIPS_AGAINST_HIGH-CARDINALITY_COLUMNS",
        "AVOID_EXCESSIVE_BI-DIRECTIONAL_OR_MANY-TO-MANY_RELATIONSHIPS",
        "AVOID_USING_MANY-TO-MANY_RELATIONSHIPS_ON_TABLES_USED_FOR_DYNAMIC_ROW_LEVEL_SECURITY",
        "MANY-TO-MANY_RELATIONSHIPS_SHOULD_BE_SINGLE-DIRECTION",
    ),
    "TRIM_OBJECT_NAMES and AVOID_INVALID_NAME_CHARACTERS say the same.": (
        "OBJECTS_SHOULD_NOT_START_OR_END_WITH_A_SPACE",
        "SPECIAL_CHARS_IN_OBJECT_NAMES",
    ),
    "COMPUTED_IN_POWER_BI reports every computed column and table.": (
        "REDUCE_NUMBER_OF_CALCULATED_COLUMNS",
        "REDUCE_USAGE_OF_CALCULATED_COLUMNS_THAT_USE_THE_RELATED_FUNCTION",
        "REDUCE_USAGE_OF_CALCULATED_TABLES",
    ),
    "AUTO_DATE_TABLES reports the setting that makes them.": ("REMOVE_AUTO-DATE_TABLE",),
    "Counted in the warehouse: ORPHANS, LONG_TEXT and TIME_IN_A_DATE.": (
        "FIX_REFERENTIAL_INTEGRITY_VIOLATIONS",
        "REDUCE_USAGE_OF_LONG-LENGTH_COLUMNS_WITH_HIGH_CARDINALITY",
        "SPLIT_DATE_AND_TIME",
    ),
}
LEFT_OUT: Mapping[str, str] = {
    rule: reason for reason, rules in _LEFT_OUT.items() for rule in rules
}
