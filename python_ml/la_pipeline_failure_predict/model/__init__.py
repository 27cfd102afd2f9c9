"""Fit the break models on the feature marts, judge them, and write scores back.

The command line calls `train.train` and `score.score`; they call everything else.
"""
