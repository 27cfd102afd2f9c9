"""The charts of a backtest show what its figures say."""

import numpy as np
from matplotlib import pyplot

from la_pipeline_failure_predict.model.evaluate import Metric
from la_pipeline_failure_predict.model.metrics import Estimate
from la_pipeline_failure_predict.report.backtest_charts import draw_ratios


def test_the_ten_tenths_of_each_model_are_ten_places() -> None:
    labels = {"poisson_glm": "Poisson GLM", "empirical_bayes": "Empirical Bayes"}
    figures = [
        Metric(
            name,
            f"risk_tenth={tenth:02d}",
            "observed_over_expected",
            Estimate(tenth / 5, tenth / 10, tenth / 2),
            100,
            70,
        )
        for name in labels
        for tenth in range(1, 11)
    ]
    figure, panel = pyplot.subplots()
    draw_ratios(panel, figures, labels)
    first, second = (container.lines for container in panel.containers)
    np.testing.assert_allclose(first[0].get_xdata(orig=False), np.arange(1, 11) - 0.1)
    np.testing.assert_allclose(second[0].get_xdata(orig=False), np.arange(1, 11) + 0.1)
    np.testing.assert_allclose(first[0].get_ydata(orig=False), np.arange(1, 11) / 5)
    ends = [[low, high] for (_, low), (_, high) in first[2][0].get_segments()]
    np.testing.assert_allclose(ends, [[tenth / 10, tenth / 2] for tenth in range(1, 11)])
    pyplot.close(figure)
