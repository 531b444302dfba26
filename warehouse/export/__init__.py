"""A release in the formats that every engine reads: Parquet with a manifest, DuckLake.

What is exported is what readers see, read from the release's own file; the ledger is never opened.
"""
