-- One row per reader and area that the reader may see, for the role of Power BI that shows a single
-- area; the seed area_readers says who.
with keyed as (

    select
        *,
        reader_name || '-' || area_id as reader_key
    from {{ ref('area_readers') }}

)

{{ select_declared('keyed') }}
