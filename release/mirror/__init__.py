"""Mirrors: what one office reports as exported beside what its partner reports as imported.

`alignment` pairs the published cells of bundles by what their metadata sheets say, `comparison` judges the pairs.
Both read published figures only, and anyone can run them.
"""
