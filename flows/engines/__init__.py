"""Where batches are read: in this process, in local processes (flows/pool.py), or on the workers of a Dask cluster."""
