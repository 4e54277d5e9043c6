"""The SIE 4 target: vouchers for Swedish accounting programs, and the chart a company uploads from its own."""

from ledgerbridge.erp.sie.adapter import SieAdapter

__all__ = ["SieAdapter"]
