"""The ledger: the private, append-only record of what each document said and when, with its bytes."""
