-- One row per figure and landing table: figures that show whether a delivery looks like a network.
with pipes as (

    select * from {{ ref('dim_pipes') }}

),

breaks as (

    select * from {{ ref('fct_breaks') }}

),

period as (

    -- one row, also without a record
    select max(observed_until) as observed_until
    from {{ ref('int_dates__record_period') }}

),

pipe_figures as (

    select
        pipes.source_name,
        percentile_cont(0.5) within group (order by pipes.diameter_mm) as median_diameter_mm,
        percentile_cont(0.5) within group (order by pipes.length_m) as median_length_m,
        sum(case when pipes.material_group = 'unknown' then pipes.length_m else 0 end)
        / sum(pipes.length_m) as unknown_material_share,
        sum(case when pipes.material_group = 'other' then pipes.length_m else 0 end)
        / sum(pipes.length_m) as other_material_share,
        sum(case when pipes.install_year is null then pipes.length_m else 0 end)
        / sum(pipes.length_m) as unknown_install_year_share,
        avg(case when pipes.is_install_year_suspect then 1.0 else 0.0 end)
            as suspect_install_year_share,
        avg(
            case
                when pipes.install_year < extract(year from period.observed_until) - 150
                    then 1.0
                else 0.0
            end
        ) as over_150_years_share
    from pipes
    cross join period
    group by 1

),

break_figures as (

    select
        source_name,
        avg(case when pipe_id is null then 1.0 else 0.0 end) as unmatched_break_share,
        avg(case when link_status = 'predates_install' then 1.0 else 0.0 end)
            as predates_install_share,
        avg(case when is_date_suspect then 1.0 else 0.0 end) as suspect_date_share
    from breaks
    where is_in_record
    group by 1

),

modeled as (

    select
        count(*) as pipe_count,
        min(x_m) as west_m,
        max(x_m) as east_m,
        min(y_m) as south_m,
        max(y_m) as north_m
    from pipes
    where is_modelled

),

located_figures as (

    select
        breaks.source_name,
        avg(
            case
                when
                    breaks.x_m between modeled.west_m - 1000 and modeled.east_m + 1000
                    and breaks.y_m between modeled.south_m - 1000 and modeled.north_m + 1000
                    then 0.0
                else 1.0
            end
        ) as breaks_off_network_share
    from breaks
    cross join modeled
    where breaks.x_m is not null and breaks.y_m is not null and modeled.west_m is not null
    group by 1

),

unpivoted as (

    {% for figure in [
        'median_diameter_mm', 'median_length_m', 'unknown_material_share', 'other_material_share',
        'unknown_install_year_share', 'suspect_install_year_share', 'over_150_years_share',
    ] -%}
        select
            '{{ figure }}' as figure,
            source_name as segment,
            {{ figure }} as figure_value
        from pipe_figures

        union all

    {% endfor -%}
    -- If no main can be linked, no break can.
    select
        'unmatched_break_share' as figure,
        break_figures.source_name as segment,
        break_figures.unmatched_break_share as figure_value
    from break_figures
    cross join modeled
    where modeled.pipe_count > 0

    union all

    select
        'predates_install_share' as figure,
        source_name as segment,
        predates_install_share as figure_value
    from break_figures

    union all

    select
        'suspect_date_share' as figure,
        source_name as segment,
        suspect_date_share as figure_value
    from break_figures

    union all

    select
        'breaks_off_network_share' as figure,
        source_name as segment,
        breaks_off_network_share as figure_value
    from located_figures

),

final as (

    select
        figure,
        segment,
        {{ rounded('figure_value', 6) }} as figure_value
    from unpivoted
    where figure_value is not null

)

select * from final
