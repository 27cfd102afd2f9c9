-- A table, not a view: the plausibility mart and the test of its bounds both read it.
{{ config(materialized='table') }}

-- One row per feature: how far the mains scored differ from those used for training, as the
-- population stability index, sum((s - t) * ln(s / t)) over the shares s (scored) and t (training)
-- of each bin (Siddiqi 2006, Credit Risk Scorecards; 0.1 to 0.25 is some shift, more is a large
-- one). Numbers are put in ten bins that each hold a tenth of the training rows; equal values share
-- a bin. The values are counted first, because there are few of them and sorting rows is expensive.
-- Features that grow with the record, such as breaks_ever and exposure_years, are left out, because
-- they always shift.
{% set numbers = {
    'age_years': 'cast(floor(age_years) as integer)',
    'diameter_mm': 'cast(floor(diameter_mm) as integer)',
    'length_m': 'cast(floor(length_m) as integer)',
    'soil_resistivity_ohm_cm': 'cast(floor(soil_resistivity_ohm_cm) as integer)',
    'breaks_prior_60m': 'breaks_prior_60m',
    'installation_breaks_prior_36m': 'installation_breaks_prior_36m',
    'nearby_breaks_prior_36m': 'nearby_breaks_prior_36m',
} %}
{% set codes = [
    'material_group', 'install_era', 'joint_code', 'soil_corrosivity_code', 'road_class',
] %}

with scored as (

    select max(as_of_date) as as_of_date
    from {{ ref('fct_pipe_risk') }}

),

-- The mart is read once per feature, not imported above, because Postgres would write a copy of it;
-- in a query of its own, because a ref has another alias with --empty. Counts by day are few; what
-- a day counts for is told from them.
counted_by_day as (

    {% for feature in (numbers.keys() | list) + codes %}
        select
            '{{ feature }}' as feature,
            {{ feature if feature in codes else 'cast(null as text)' }} as code,
            {{ numbers.get(feature, 'cast(null as integer)') }} as number,
            as_of_date,
            is_label_complete,
            count(*) as row_count
        from (select * from {{ ref('fct_pipe_features') }}) as features
        group by {{ 2 if feature in codes else 3 }}, 4, 5
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

counted as (

    select
        counted_by_day.feature,
        counted_by_day.code,
        counted_by_day.number,
        cast(
            sum(
                case
                    when counted_by_day.as_of_date = scored.as_of_date then 0
                    else counted_by_day.row_count
                end
            ) as double precision
        ) as learned_count,
        cast(
            sum(
                case
                    when counted_by_day.as_of_date = scored.as_of_date
                        then counted_by_day.row_count
                    else 0
                end
            ) as double precision
        ) as scored_count
    from counted_by_day
    cross join scored
    where
        counted_by_day.as_of_date = scored.as_of_date
        or (
            counted_by_day.as_of_date < scored.as_of_date
            and counted_by_day.is_label_complete
        )
    group by 1, 2, 3

),

placed as (

    select
        counted.*,
        sum(case when number is not null then learned_count end) over (
            partition by feature
            order by number nulls last
            rows between unbounded preceding and current row
        ) - learned_count / 2 as rows_until_middle,
        sum(case when number is not null then learned_count end) over (
            partition by feature
        ) as numbered_count
    from counted

),

-- A value that is not in the training rows has count 0 and falls into the bin of its neighbors.
binned as (

    select
        feature,
        case
            when code is not null then code
            when number is null then 'missing'
            else cast(
                least(9, cast(floor(10 * rows_until_middle / nullif(numbered_count, 0)) as integer))
                as text
            )
        end as bin,
        sum(learned_count) as learned_count,
        sum(scored_count) as scored_count
    from placed
    group by 1, 2

),

shares as (

    select
        feature,
        greatest(learned_count / nullif(sum(learned_count) over by_feature, 0), 0.0001)
            as learned_share,
        greatest(scored_count / nullif(sum(scored_count) over by_feature, 0), 0.0001)
            as scored_share,
        sum(learned_count) over by_feature as learned_rows,
        sum(scored_count) over by_feature as scored_rows
    from binned
    window by_feature as (partition by feature)

),

final as (

    select
        'feature_shift' as figure,
        feature as segment,
        {{ rounded('sum((scored_share - learned_share) * ln(scored_share / learned_share))', 6) }}
            as figure_value
    from shares
    where learned_rows > 0 and scored_rows > 0
    group by 1, 2

)

select * from final
