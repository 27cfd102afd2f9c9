-- A spelling that stands for two codes would double the mains that have it.
with spellings as (

    select
        'materials' as seed,
        {{ code_key('material_synonym') }} as spelling
    from {{ ref('materials') }}

    union all

    select
        'joints' as seed,
        {{ code_key('joint_synonym') }} as spelling
    from {{ ref('joints') }}

    union all

    select
        'asset_types' as seed,
        {{ code_key('asset_type_synonym') }} as spelling
    from {{ ref('asset_types') }}

)

select
    seed,
    spelling,
    count(*) as row_count
from spellings
group by seed, spelling
having count(*) > 1 or spelling is null
