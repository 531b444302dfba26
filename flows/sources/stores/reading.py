"""The bytes of documents in a store, in the order in which they are asked for."""

from collections.abc import Iterator, Sequence

from flows.sources.stores.address import address_of
from flows.sources.stores.contract import Got, Reference


def read_stored(root: str, refs: Sequence[Reference]) -> Iterator[Got]:
    """Read documents of one store. Raises TransientFailure, SourceUnreadable where the store itself fails."""
    address = address_of(root)
    # Not at the top: each needs what the others can do without.
    if address.scheme == "s3":
        from flows.sources.stores.s3 import read_s3

        return read_s3(address, refs)
    if address.scheme == "zip":
        from flows.sources.stores.zips import read_zip

        return read_zip(address, refs)
    from flows.sources.stores.tars import read_tar

    return read_tar(address, refs)
