"""Bundles that lie elsewhere: read from an object store or over HTTPS, written to an object store.

`locations` tells what a text names; `web` reads over HTTPS, `stores` reads and writes an object store, `sending` and
`standing` decide what is written, in which order, and what is refused. What is read is verified by `release.bundle`,
under the bounds that hold for a folder. Nothing of a run is here: the process that may touch records loads no client
of a network.
"""
