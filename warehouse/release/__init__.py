"""A release: built whole from the ledger, audited, published by one rename, and known by its fingerprint."""
