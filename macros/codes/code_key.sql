{#-
    What is left of a spelling when case, accents, spaces and punctuation are ignored: Cast-Iron, CAST IRON and castiron
    are CASTIRON. Null where nothing is left. The loader computes the same in Python (sources/spellings.py).
-#}
{% macro code_key(expression) -%}
    nullif(
        regexp_replace(
            upper(
                translate(
                    replace({{ expression }}, 'ß', 'ss'),
                    'ÀÁÂÃÄÅàáâãäåÇçÈÉÊËèéêëÌÍÎÏìíîïÑñÒÓÔÕÖØòóôõöøÙÚÛÜùúûüŠšÝýÿŽž',
                    'AAAAAAAAAAAACCEEEEEEEEIIIIIIIINNOOOOOOOOOOOOUUUUUUUUSSYYYZZ'
                )
            ),
            '[^A-Z0-9]+', '', 'g'
        ), ''
    )
{%- endmacro %}
