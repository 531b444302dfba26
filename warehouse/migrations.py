"""The ledger's format version and the steps from one to the next.

MIGRATIONS[n] is the SQL script that brings a ledger of format n to format n + 1. Steps are never edited once released:
a ledger somewhere has taken them.
"""

FORMAT_VERSION = 1

# Format 0 is a ledger whose `meta` does not say: none was ever released so, and nothing has to be done to it.
MIGRATIONS: dict[int, str] = {0: "select 1"}
