"""What every URL shares: errors, callers, parameters, answers. Knows no statistic."""
