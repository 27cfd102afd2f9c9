-- One row per year scored and segment: observed against expected breaks of the published runs, by
-- fits that had not seen the year. A model that is never trained again drifts; this shows when to
-- train.
with scored_pipes as (

    select * from {{ ref('int_scores__judged_pipes') }}

),

area_months as (

    select * from {{ ref('fct_area_month_risk') }}
    where break_count is not null

),

band as (

    select * from {{ ref('int_quality__calibration_band') }}

),

scored_area_months as (

    select
        run_id,
        {{ year_start('extract(year from month_on)') }} as period_on,
        trained_until,
        expected_breaks,
        break_count,
        area_id
    from area_months

),

segmented as (

    {%- for kind, segment in [
        ('all', "'all'"), ('material', 'material_group'), ('area', 'area_id')
    ] %}
        select
            'pipe' as grain,
            run_id,
            as_of_date as period_on,
            '{{ kind }}' as segment_kind,
            {{ segment }} as segment,
            trained_until,
            expected_breaks,
            break_count
        from scored_pipes
        union all
    {%- endfor %}
    {%- for kind, segment in [('all', "'all'"), ('area', 'area_id')] %}
        select
            'area_month' as grain,
            run_id,
            period_on,
            '{{ kind }}' as segment_kind,
            {{ segment }} as segment,
            trained_until,
            expected_breaks,
            break_count
        from scored_area_months
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}

),

counted as (

    select
        run_id,
        grain,
        period_on,
        segment_kind,
        segment,
        cast(count(*) as integer) as row_count,
        cast(sum(break_count) as integer) as observed_breaks,
        sum(expected_breaks) as expected_breaks,
        max(trained_until) as trained_until
    from segmented
    group by 1, 2, 3, 4, 5

),

compared as (

    select
        counted.*,
        observed_breaks / nullif(expected_breaks, 0) as observed_over_expected,
        {{ poisson_lower('observed_breaks') }} / nullif(expected_breaks, 0) as lower_95,
        {{ poisson_upper('observed_breaks') }} / nullif(expected_breaks, 0) as upper_95
    from counted

),

final as (

    select
        -- keys
        compared.run_id,
        compared.grain,
        compared.period_on,
        compared.segment_kind,
        compared.segment,

        -- facts
        compared.row_count,
        compared.observed_breaks,
        compared.expected_breaks,
        cast(compared.observed_over_expected as double precision) as observed_over_expected,
        cast(compared.lower_95 as double precision) as lower_95,
        cast(compared.upper_95 as double precision) as upper_95,

        -- flags
        compared.observed_over_expected between band.lower_bound and band.upper_bound
            as is_within_band,
        compared.lower_95 > 1 or compared.upper_95 < 1 as is_beyond_chance,

        -- dates
        compared.trained_until
    from compared
    cross join band

)

select * from final
