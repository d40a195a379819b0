"""docs/performance.md, made from what the benchmarks printed: python -m bench.report OUTPUT..."""
