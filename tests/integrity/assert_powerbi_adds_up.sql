-- What Power BI shows adds up however it is grouped: every break of the record has one area,
-- one main and one day of the date table.
with breaks as (

    select * from {{ ref('pbi_pipe_breaks') }}
    where is_in_record

),

areas as (

    select * from {{ ref('pbi_areas') }}

),

pipes as (

    select * from {{ ref('pbi_pipes') }}

),

dates as (

    select * from {{ ref('pbi_dates') }}

),

totals as (

    select
        (select count(*) from breaks) as breaks,
        (
            select count(*) from breaks
            inner join areas
                on breaks.area_id = areas.area_id
        ) as by_area,
        (
            select count(*) from breaks
            inner join pipes
                on breaks.pipe_id = pipes.pipe_id
        ) as by_main,
        (
            select count(*) from breaks
            inner join dates
                on breaks.broke_on = dates.date_on
        ) as by_day

)

select * from totals
where by_area <> breaks or by_main <> breaks or by_day <> breaks
