"""A Los-Angeles-like network of water mains whose true hazard is known.

Use it to try the whole warehouse without a utility's data, and to see how close a model comes to
the best possible ranking. What it must reproduce is listed once, in `targets.PROTOCOL_TARGETS`.
"""

from la_pipeline_failure_predict.sample.figures import compare_figures, protocol_figures
from la_pipeline_failure_predict.sample.targets import PROTOCOL_TARGETS
from la_pipeline_failure_predict.sample.write import SampleFiles, write_sample

__all__ = [
    "PROTOCOL_TARGETS",
    "SampleFiles",
    "compare_figures",
    "protocol_figures",
    "write_sample",
]
