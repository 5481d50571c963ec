"""What the controller costs: ratios and percentiles of one run, printed with their targets. No timed tests."""
