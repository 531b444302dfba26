"""Runs as Prefect flow runs, and the server and processes that start them by the clock."""
