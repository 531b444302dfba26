"""DuckDB: the ledger, the build of a release, its audit and publication, and the ways to ask it."""
