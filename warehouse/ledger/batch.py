"""What the warehouse is handed of the documents read: a batch of tables, whoever read it.

Apart from what takes it in (warehouse/ledger/intake.py, and reread.py for bytes that are kept), since what both ask
first, which part of it may not be taken in (withheld.py), needs it too.
"""

from typing import Protocol

import pyarrow as pa

PURGED = "purged"
"""The outcome of a document whose own article was taken down."""


class Batch(Protocol):
    """What one batch of read documents hands over; the schemas are those of schemas/batches.py."""

    @property
    def documents(self) -> pa.Table:
        """One row per file."""

    @property
    def slices(self) -> pa.Table:
        """One row per distinct run of bytes."""

    @property
    def packs(self) -> pa.Table:
        """One row per pack of bytes."""

    @property
    def mentions(self) -> pa.Table:
        """One row per accepted mention."""

    @property
    def entries(self) -> pa.Table:
        """One row per distinct entry."""

    @property
    def urls(self) -> pa.Table:
        """One row per distinct URL spelling."""

    @property
    def problems(self) -> pa.Table:
        """One row per problem."""

    @property
    def drift(self) -> pa.Table:
        """One row per unknown field."""
