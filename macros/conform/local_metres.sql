{#-
    Meters east and north of the network's origin (equirectangular projection at the origin's latitude: within half a
    percent over a city). Rounded to a centimeter, so that both engines hold the same number.
-#}
{% macro metres_east(longitude, origin) -%}
    {{ rounded('(' ~ longitude ~ ' - ' ~ origin ~ '.longitude) * 111320 * cos(radians(' ~ origin ~ '.latitude))', 2) }}
{%- endmacro %}

{% macro metres_north(latitude, origin) -%}
    {{ rounded('(' ~ latitude ~ ' - ' ~ origin ~ '.latitude) * 111320', 2) }}
{%- endmacro %}
