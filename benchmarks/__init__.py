"""Speed and memory against what could at best be had, as ratios measured in one run: `python -m benchmarks`."""
