"""How good predictions are: metrics with intervals, tables, curves, and thresholds that pass or fail.

Pure computing on arrays: no model, no file, no run. Definitions are scikit-learn's; each metric is a function of row
weights, so that a value, a weighted value and a thousand bootstrap resamples are one and the same code.
"""
