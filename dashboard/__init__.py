"""The dashboard: published bundles and ledger statements as pages that a statistician reads.

It sees published things only, draws no noise, and writes nothing. `app` is the Streamlit script, `sources` finds and
verifies what is published, `mirrored` compares it, `charts`, `markup` and `figures` word and draw it, `views` holds one
module for each page, `settings` says how it is served and `serving` does it.
"""
