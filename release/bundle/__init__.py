"""A published release: a folder of open formats that says what it holds, who paid for it, and what it doesn't cover.

`content` turns a plan, a charge and observations into files' bytes, `folder` puts them in place by one atomic step, and
`verification` decides whether a folder is what it says. The format's promises are in docs/bundle.md.
"""
