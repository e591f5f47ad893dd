"""From one run to a hundred thousand: grids of scenarios, many seeds, quantiles with confidence intervals."""
