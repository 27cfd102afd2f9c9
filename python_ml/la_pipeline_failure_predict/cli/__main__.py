"""`python -m la_pipeline_failure_predict.cli`."""

from la_pipeline_failure_predict.cli import main

main()
