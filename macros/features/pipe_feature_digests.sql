{#-
    One row per snapshot of fct_pipe_features: the day, and a digest of every row that its features and labels read. A
    snapshot reads all mains, and the breaks before its day, and where it has labels until its horizon ends; nearby breaks
    follow from both. With --empty a ref has an alias of its own, so that it is given one here in a query around it.
-#}
{% macro pipe_feature_digests() -%}
    with snapshots as (

        select
            as_of_date,
            case when is_label_complete then horizon_ends_on else as_of_date end as reads_until,
            {{ row_digest('snapshots') }} as digest
        from (select * from {{ ref('int_dates__snapshots') }}) as snapshots

    ),

    pipes as (

        select sum({{ row_digest('pipes') }}) as digest
        from (select * from {{ ref('dim_pipes') }}) as pipes

    ),

    breaks as (

        select
            broke_on,
            {{ row_digest('breaks') }} as digest
        from (select * from {{ ref('fct_breaks') }}) as breaks

    )

    select
        snapshots.as_of_date,
        concat_ws(' ', snapshots.digest, pipes.digest, sum(breaks.digest), count(breaks.digest)) as digest
    from snapshots
    cross join pipes
    left join breaks
        on breaks.broke_on < snapshots.reads_until
    group by snapshots.as_of_date, snapshots.digest, pipes.digest
{%- endmacro %}
