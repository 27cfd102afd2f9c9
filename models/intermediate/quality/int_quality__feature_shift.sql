-- One row a feature: how far the mains scored are from those learned from, as the population
-- stability index, sum((s - t) * ln(s / t)) over the shares s scored and t learned from of each bin
-- (Siddiqi 2006, Credit Risk Scorecards; 0.1 to 0.25 is some shift, more is a large one). Numbers
-- are put in ten bins that hold a tenth of the rows learned from each; equal values share a bin.
-- The values are counted first, in one pass: there are few of them, and sorting rows is dear.
{% set numbers = {
    'age_years': 'cast(floor(features.age_years) as integer)',
    'diameter_mm': 'cast(floor(features.diameter_mm) as integer)',
    'length_m': 'cast(floor(features.length_m) as integer)',
    'breaks_prior_60m': 'features.breaks_prior_60m',
    'nearby_breaks_prior_36m': 'features.nearby_breaks_prior_36m',
} %}
{% set codes = ['material_group', 'install_era', 'soil_corrosivity_code', 'road_class'] %}
{% set names = (numbers.keys() | list) + codes %}

with features as (

    select * from {{ ref('fct_pipe_features') }}

),

scored as (

    select max(as_of_date) as as_of_date
    from {{ ref('fct_pipe_risk') }}

),

described as (

    select
        features.as_of_date = scored.as_of_date as is_scored,
        {% for name, expression in numbers.items() -%}
        {{ expression }} as {{ name }},
        {% endfor -%}
        {% for name in codes -%}
        features.{{ name }}{% if not loop.last %},{% endif %}
        {% endfor %}
    from features
    inner join scored
        on features.as_of_date <= scored.as_of_date
    where features.is_label_complete or features.as_of_date = scored.as_of_date

),

grouped as (

    select
        {% for name in names -%}
        {{ name }},
        grouping({{ name }}) as is_not_{{ name }},
        {% endfor -%}
        cast(sum(case when is_scored then 0 else 1 end) as double precision) as learned_count,
        cast(sum(case when is_scored then 1 else 0 end) as double precision) as scored_count
    from described
    group by
        grouping sets (
            {% for name in names -%}
            ({{ name }}){% if not loop.last %},{% endif %}
            {% endfor %}
        )

),

counted as (

    {% for name in names -%}
    select
        '{{ name }}' as feature,
        {% if name in codes -%}
        {{ name }} as code,
        cast(null as integer) as number,
        {%- else -%}
        cast(null as text) as code,
        {{ name }} as number,
        {%- endif %}
        learned_count,
        scored_count
    from grouped
    where is_not_{{ name }} = 0
    {% if not loop.last %}
    union all

    {% endif -%}
    {% endfor %}
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

-- A value that was never learned from counts nothing and falls where its neighbours are.
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
