"""Declarations of newsmart: documents, URLs, tables, keys, errors. Imports nothing of ours, so everything may import it."""
