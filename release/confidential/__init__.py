"""The only package that touches records. What leaves it: a keyed digest, and noisy integers that were charged.

`records` is the way in; every failure inside leaves through `boundary.sealed`, which tells the step and nothing else.
Only the command line may import this package.
"""
