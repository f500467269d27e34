"""Who vouches for a bundle: the office's key, the statement that it signs, and the envelope around it.

`statement` says what is signed, `envelope` how it is written, `keys` and `keyfile` keep the key, `signer` is what a run
is handed. Who may sign for a reporter is `release.registry`'s. What a signature says is in docs/signatures.md.
"""
