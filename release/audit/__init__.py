"""The audit: whether ledger, bundles, config and policy say the same, and a report that an outsider can believe.

`evidence` holds what an audit looks at and `gathering` reads it; `checks` names every check, one function each, in the
modules beside it; each yields findings, whose words are in `rules`. `noise` measures what the mechanism gives away.
`report` tells all of it, `rendering` turns that into files. Nothing here reads a record or spends anything.
"""
