"""The ledger: what was spent is never less than what was released.

`entries` says what is stored for ever, `book` decides, `memory` and `sql` store, `witness` and published
heads notice a ledger that was rolled back, `verification` audits the chain, `statement` is what may be
published of it.

Importing this package loads no database library; the stores in `sql` are imported by whoever opens one.
"""
