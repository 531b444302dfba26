"""Declarations of newsmart: documents, URLs, tables, keys, errors. Imports nothing of ours; all may import it."""
