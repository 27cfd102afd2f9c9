{#-
    Body of the two Los Angeles inventories, trunk lines and main lines: one file layout, two files.
    Columns that hold past leaks (grades, scores, leak counts) stay in the landing table, so that no
    feature can read them.
-#}
{% macro ladwp_inventory(source_relation, source_name, pipe_id_prefix, graded_year) -%}
with

inventory as (

    select * from {{ source_relation }}

),

typed as (

    select
        _load_id as load_id,
        _row_number as row_number,
        _loaded_at as loaded_at,
        {{ code_key(blank_to_null('pipe_material')) }} as material,
        -- 254 / 10 keeps whole inches exact, 6 in = 152.4 mm
        {{ try_number('pipe_diameter') }} * 254 / 10 as diameter_mm,
        {{ try_number('pipe_length') }} * 3048 / 10000 as length_m,
        {{ try_number('pipe_thickness') }} * 254 / 10 as wall_thickness_mm,
        {{ code_key(blank_to_null('joint_method')) }} as joint_type,
        {{ blank_to_null('pipe_lining') }} as lining,
        {{ blank_to_null('pipe_plr_year') }} as install_year_text,
        -- the exporting system writes 1899 where it has no date
        nullif({{ try_number('pipe_plr_year') }}, 1899) as install_year_delivered,
        coalesce({{ graded_year }}, extract(year from _loaded_at)) as graded_year,
        {{ try_number('soil_res_ohm_cm') }} as soil_resistivity_ohm_cm,
        {{ blank_to_null('use_type') }} as use_type,
        {{ blank_to_null('status') }} as status,
        coalesce({{ blank_to_null('pipe_logical_con_yn') }} = 'Y', false) as is_connectivity_stub
    from inventory

),

dated as (

    select
        *,
        case
            when install_year_delivered between 1850 and graded_year
                then cast(floor(install_year_delivered) as integer)
        end as install_year
    from typed

),

final as (

    select
        -- keys
        cast('{{ source_name }}' as text) as source_name,
        load_id,
        row_number,
        '{{ pipe_id_prefix }}-' || cast(row_number as text) as pipe_id,

        -- facts
        material,
        nullif(diameter_mm, 0) as diameter_mm,
        length_m,
        nullif(wall_thickness_mm, 0) as wall_thickness_mm,
        joint_type,
        lining,
        install_year,

        -- flags
        install_year_text is not null and install_year is null as is_install_year_suspect,

        -- facts
        nullif(soil_resistivity_ohm_cm, 0) as soil_resistivity_ohm_cm,
        use_type,
        status,

        -- flags
        is_connectivity_stub,

        -- dates
        loaded_at
    from dated

)

select * from final
{%- endmacro %}
