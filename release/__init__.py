"""Differentially private releases of bilateral trade aggregates, and the comparison of their mirrors.

A run is a straight line: config, plan, charge, measure, post-process, publish; the bundles are then compared.
"""

__version__ = "0.1.0"
