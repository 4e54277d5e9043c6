"""Benchmarks: how near the service is to what the machine, the ERP and Pleo allow. Described in docs/performance.md.

Machines are noisy, so every figure is a ratio of two terms measured in one run, ours and a bare one that does the least
there is to do. Nothing here is part of the tests, which assert counts alone.
"""
