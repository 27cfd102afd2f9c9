-- The best we could write by hand for the rows of fct_pipe_features, directly from the core marts:
-- one pass per history, no contract, no tests. `make bench` compares dbt's build with it on the
-- same engine.
create table bench.hand_written_features as
with snapshots as (
    select * from intermediate.int_dates__snapshots
),
own as (
    select
        breaks.pipe_id,
        snapshots.as_of_date,
        sum(case when broke_on < as_of_date then 1 else 0 end) as breaks_ever,
        sum(case when broke_on < as_of_date and broke_on >= as_of_date - interval '12 months' then 1 else 0 end)
            as breaks_prior_12m,
        sum(case when broke_on < as_of_date and broke_on >= as_of_date - interval '36 months' then 1 else 0 end)
            as breaks_prior_36m,
        sum(case when broke_on < as_of_date and broke_on >= as_of_date - interval '60 months' then 1 else 0 end)
            as breaks_prior_60m,
        max(case when broke_on < as_of_date then broke_on end) as last_broke_on,
        sum(case when broke_on >= as_of_date and broke_on < horizon_ends_on then 1 else 0 end) as breaks_next_12m
    from core.fct_breaks as breaks
    cross join snapshots
    where breaks.is_in_record and breaks.pipe_id is not null and broke_on < horizon_ends_on
    group by 1, 2
),
installation as (
    select
        pipes.installation_id,
        snapshots.as_of_date,
        count(*) as breaks_prior_36m
    from core.fct_breaks as breaks
    inner join core.dim_pipes as pipes on breaks.pipe_id = pipes.pipe_id
    inner join snapshots
        on broke_on < as_of_date and broke_on >= as_of_date - interval '36 months'
    where breaks.is_in_record and pipes.installation_id is not null
    group by 1, 2
),
spread as (
    select
        breaks.pipe_id,
        breaks.broke_on,
        breaks.x_m,
        breaks.y_m,
        cast(floor(breaks.x_m / 200) as integer) + step_x.step as cell_x,
        cast(floor(breaks.y_m / 200) as integer) + step_y.step as cell_y
    from core.fct_breaks as breaks
    cross join (values (-1), (0), (1)) as step_x (step)
    cross join (values (-1), (0), (1)) as step_y (step)
    where breaks.is_in_record and breaks.x_m is not null
),
near_pairs as (
    select
        pipes.pipe_id,
        spread.broke_on,
        (spread.x_m - pipes.x_m) * (spread.x_m - pipes.x_m)
        + (spread.y_m - pipes.y_m) * (spread.y_m - pipes.y_m) <= 10000 as is_nearby
    from spread
    inner join core.dim_pipes as pipes
        on spread.cell_x = cast(floor(pipes.x_m / 200) as integer)
        and spread.cell_y = cast(floor(pipes.y_m / 200) as integer)
    where
        pipes.is_modelled
        and (spread.pipe_id is null or spread.pipe_id <> pipes.pipe_id)
        and (spread.x_m - pipes.x_m) * (spread.x_m - pipes.x_m)
        + (spread.y_m - pipes.y_m) * (spread.y_m - pipes.y_m) <= 40000
),
nearby as (
    select
        near_pairs.pipe_id,
        snapshots.as_of_date,
        sum(case when is_nearby and broke_on >= as_of_date - interval '12 months' then 1 else 0 end)
            as breaks_prior_12m,
        sum(case when is_nearby and broke_on >= as_of_date - interval '36 months' then 1 else 0 end)
            as breaks_prior_36m,
        sum(case when is_nearby and broke_on >= as_of_date - interval '60 months' then 1 else 0 end)
            as breaks_prior_60m,
        count(*) as neighbourhood_breaks_ever
    from near_pairs
    inner join snapshots
        on broke_on < as_of_date
    group by 1, 2
)
select
    pipes.pipe_id,
    snapshots.as_of_date,
    pipes.area_id,
    pipes.pressure_zone,
    pipes.material_code,
    pipes.material_group,
    pipes.install_era,
    pipes.joint_code,
    pipes.road_class,
    pipes.install_year,
    cast(snapshots.as_of_date - pipes.installed_on as double precision) / 365.25 as age_years,
    pipes.diameter_mm,
    pipes.length_m,
    pipes.soil_resistivity_ohm_cm,
    pipes.soil_corrosivity_code,
    cast(
        snapshots.as_of_date - greatest(coalesce(pipes.installed_on, observed_from), observed_from) as double precision
    ) / 365.25 as exposure_years,
    cast(coalesce(own.breaks_ever, 0) as integer) as breaks_ever,
    cast(coalesce(own.breaks_prior_12m, 0) as integer) as breaks_prior_12m,
    cast(coalesce(own.breaks_prior_36m, 0) as integer) as breaks_prior_36m,
    cast(coalesce(own.breaks_prior_60m, 0) as integer) as breaks_prior_60m,
    cast(
        (extract(year from snapshots.as_of_date) - extract(year from own.last_broke_on)) * 12
        + extract(month from snapshots.as_of_date) - extract(month from own.last_broke_on)
        - case when extract(day from own.last_broke_on) > 1 then 1 else 0 end as integer
    ) as months_since_last_break,
    cast(
        coalesce(installation.breaks_prior_36m - coalesce(own.breaks_prior_36m, 0), 0) as integer
    ) as installation_breaks_prior_36m,
    cast(coalesce(nearby.breaks_prior_12m, 0) as integer) as nearby_breaks_prior_12m,
    cast(coalesce(nearby.breaks_prior_36m, 0) as integer) as nearby_breaks_prior_36m,
    cast(coalesce(nearby.breaks_prior_60m, 0) as integer) as nearby_breaks_prior_60m,
    cast(coalesce(nearby.neighbourhood_breaks_ever, 0) as integer) as neighbourhood_breaks_ever,
    cast(case when snapshots.is_label_complete then coalesce(own.breaks_next_12m, 0) end as integer) as breaks_next_12m,
    snapshots.is_label_complete
from core.dim_pipes as pipes
cross join snapshots
left join own on pipes.pipe_id = own.pipe_id and snapshots.as_of_date = own.as_of_date
left join installation
    on pipes.installation_id = installation.installation_id and snapshots.as_of_date = installation.as_of_date
left join nearby on pipes.pipe_id = nearby.pipe_id and snapshots.as_of_date = nearby.as_of_date
where
    pipes.is_modelled
    and (pipes.installed_on is null or pipes.installed_on < snapshots.as_of_date)
    and (pipes.decommissioned_on is null or pipes.decommissioned_on >= snapshots.as_of_date)
