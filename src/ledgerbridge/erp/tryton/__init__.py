"""The Tryton adapter (8.2, REST). `TrytonAdapter` is the only name others need."""

from ledgerbridge.erp.tryton.adapter import TrytonAdapter

__all__ = ["TrytonAdapter"]
