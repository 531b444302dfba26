"""Asking the current release: SQL that cannot get out, the cookbook, and rows as tables, CSV or JSON."""
