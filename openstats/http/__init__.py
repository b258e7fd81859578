"""HTTP code that all URLs share: errors, callers, parameters, responses. Knows no statistic."""
