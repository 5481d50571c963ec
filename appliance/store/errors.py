"""What can go wrong with the store, each with what to do. The runtime turns them into faults 5xxx."""


class StoreError(Exception):
    """Base of all store errors."""


class StoreInUse(StoreError):
    """Another controller runs on this lane."""


class StoreRefused(StoreError):
    """The database cannot be used as found: damaged, tampered with, of a newer release. It was left untouched."""


class StoreFull(StoreError):
    """No room on the disk. Nothing of the refused append was acknowledged."""


class StoreBroken(StoreError):
    """Writing or syncing failed, or another program wrote to the journal. The handle is unusable until reopened."""


class RecordRefused(StoreError):
    """The record itself is wrong; nothing was written and the store stays usable. A bug of the caller."""
