"""Every error that newsmart raises on purpose.

    NewsmartError                  exit status 1
    ├── UsageError                 2   the call is wrong, or names a source that is not there
    ├── LockedError                3   another run holds the warehouse
    └── RunFailed                  1   nothing was published
        ├── Refused                    a limit held the run back (quarantine share, shrink)
        ├── AuditFailed                a built release breaks an audit
        ├── SourceUnreadable           a source has no document, or part of it cannot be listed
        ├── LedgerDamaged              the ledger does not open or does not add up
        ├── PublishFailed              the release could not be put in place
        └── TransientFailure           the outside world failed in a way that may pass: a retry can help

The base class alone says whether a retry can help, so that a scheduler needs no list of messages. Errors carry
fields, not only text: `what` happened, `where`, and `todo`, what to do about it; `detail` is what only makes sense over
several lines, such as a place in SQL, and is shown below the line.
"""


class NewsmartError(Exception):
    """Base of all errors of ours. Text is one line: what, where, what to do."""

    exit_status = 1

    def __init__(
        self, what: str, *, where: str | None = None, todo: str | None = None, detail: str | None = None
    ) -> None:
        """Keep the parts; what, where and todo in one line are the exception's text."""
        self.what, self.where, self.todo, self.detail = what, where, todo, detail
        text = what if where is None else f"{what}: {where}"
        super().__init__(text if todo is None else f"{text} ({todo})")


class UsageError(NewsmartError):
    """The call is wrong, or names something that does not exist."""

    exit_status = 2


class LockedError(NewsmartError):
    """Another run holds the warehouse."""

    exit_status = 3


class RunFailed(NewsmartError):
    """The run failed and published nothing."""


class Refused(RunFailed):
    """A limit held the run back; what it saw is recorded."""


class AuditFailed(RunFailed):
    """A built release breaks an audit; it is not published."""


class SourceUnreadable(RunFailed):
    """A source holds no document, or part of it cannot be listed."""


class LedgerDamaged(RunFailed):
    """The ledger does not open, or does not add up."""


class PublishFailed(RunFailed):
    """The release could not be put in place."""


class TransientFailure(RunFailed):
    """The outside world failed in a way that may pass; a retry can help."""
