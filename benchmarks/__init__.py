"""What is fast, measured as ratios in one run; each module writes benchmarks/results/<name>.md."""
