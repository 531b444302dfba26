"""One document, from its bytes to entries, URLs and problems as Arrow tables; knows no ledger and no other document."""
