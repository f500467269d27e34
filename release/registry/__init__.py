"""The registry of offices: which keys may sign for which reporter, since when and until when.

`offices` decides from values, `metadata` reads and checks TUF metadata, `editing` makes the next version, `folder` does
the input and output. How it is kept, and why it is sound, is in docs/signatures.md.
"""
