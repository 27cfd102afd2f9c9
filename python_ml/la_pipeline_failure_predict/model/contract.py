"""Which columns of the feature marts a model may read: what is not listed cannot enter.

A column belongs here when it was known on the row's first day. Condition scores, criticality,
status, grades and leak counts of an inventory are as of the extract: they contain the outcome.
"""

from collections.abc import Iterable, Mapping

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model.data import Grain, columns_of

ALLOWED: Mapping[Grain, frozenset[str]] = {
    "pipe": frozenset(
        {
            "pressure_zone",
            "material_code",
            "material_group",
            "install_era",
            "joint_code",
            "road_class",
            "install_year",
            "age_years",
            "diameter_mm",
            "length_m",
            "soil_resistivity_ohm_cm",
            "soil_corrosivity_code",
            "exposure_years",
            "breaks_ever",
            "breaks_prior_12m",
            "breaks_prior_36m",
            "breaks_prior_60m",
            "months_since_last_break",
            "installation_breaks_prior_36m",
            "nearby_breaks_prior_12m",
            "nearby_breaks_prior_36m",
            "nearby_breaks_prior_60m",
            "neighbourhood_breaks_ever",
        }
    ),
    "area_month": frozenset(
        {
            "month_of_year",
            "exposure",
            "months_observed",
            "breaks_ever",
            "breaks_prior_1m",
            "breaks_prior_12m",
            "breaks_prior_36m",
            "same_month_mean",
            "city_same_month_share",
            "temperature_min_lag1_c",
            "temperature_min_normal_c",
            "temperature_min_change_lag1_c",
            "rainfall_lag1_mm",
            "rainfall_prior_3m_mm",
            "rainfall_prior_12m_mm",
        }
    ),
}


def check_features(grain: Grain, features: Iterable[str]) -> None:
    """Refuse features that are made of a column that is not allowed.

    Parameters
    ----------
    features
        Columns of the mart, or combinations ``a*b`` and ratios ``a/b`` of them.

    Raises
    ------
    UserError
        Naming the columns, if there are any.
    """
    columns = {column for feature in features for column in columns_of(feature)}
    refused = sorted(columns - ALLOWED[grain])
    if refused:
        raise UserError(
            f"{', '.join(refused)} may not be a feature of the {grain} model: only columns known "
            "on the day of prediction are listed in model/contract.py."
        )
