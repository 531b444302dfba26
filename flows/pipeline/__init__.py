"""A run from its request to its outcome, and the other works on a ledger; imports no Prefect."""
