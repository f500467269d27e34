"""The statisticians' view of published bundles: it reads verified bundles only and never sees a record."""
