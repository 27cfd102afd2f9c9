"""Power BI files from dbt's manifest: one semantic model, the reports on it, and their checks.

Read in this order: `specification` reads what dbt declares into `model` and `report`; `tmdl`,
`pbir` and `pbit` write them; `build` puts the files in place; `lint` reads the files back and
judges them.
"""

# Schema of the views that Power BI imports.
SCHEMA = "powerbi"
