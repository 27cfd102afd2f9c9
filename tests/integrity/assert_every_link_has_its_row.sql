-- What `la-pipes link` found belongs to rows that exist: a link from a deleted load, or from
-- another file, would give a main the soil or area of a different main.
with links as (

    select
        source_name,
        load_id,
        row_number
    from {{ ref('stg_links__point_areas') }}

    union all

    select
        source_name,
        load_id,
        row_number
    from {{ ref('stg_links__pipe_soils') }}

    union all

    select
        'breaks' as source_name,
        load_id,
        row_number
    from {{ ref('stg_links__break_pipes') }}

    union all

    select
        source_name,
        load_id,
        row_number
    from {{ ref('stg_links__area_measures') }}

),

linkable as (

    {% for model in [
        'int_pipes__conformed', 'int_breaks__conformed', 'int_areas__conformed',
    ] -%}
        select
            source_name,
            load_id,
            row_number
        from {{ ref(model) }}
        {% if not loop.last %}
            union all

        {% endif -%}
    {% endfor %}
)

select links.*
from links
left join linkable
    on
        links.source_name = linkable.source_name
        and links.load_id = linkable.load_id
        and links.row_number = linkable.row_number
where linkable.load_id is null
