"""What a configuration or a job asks of an ERP that it cannot do, told by its capabilities before anything is booked.

The same answers serve saving a configuration, going live, the preflight of a job and its preview.
"""

from __future__ import annotations

from collections.abc import Iterator

from ledgerbridge.bookkeeping.configuration import ConfigurationFault
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import Configuration, PostingMode
from ledgerbridge.erp.port import Capabilities


def beyond(configuration: Configuration, able: Capabilities) -> tuple[ConfigurationFault, ...]:
    """What of a configuration the ERP has no way to do; empty where it can do all of it, or could not be asked.

    Taking back is no such thing: where an ERP cannot, a changed expense fails by itself, with either choice.
    """
    return (*_drafts(configuration, able), *_dimensions(configuration, able)) if able.told else ()


def problems_of_job(configuration: Configuration, able: Capabilities, *, vendor_based: bool) -> tuple[Problem, ...]:
    """Why no item of a job may be booked (EXP-VALID-08, -13); empty where the job may begin, or the
    next call tells why it may not."""
    bills = (problem(Failure.BILLS_NOT_SUPPORTED),) if able.told and vendor_based and not able.vendor_bills else ()
    return (*bills, *(fault.problem for fault in beyond(configuration, able) if fault.problem is not None))


def _drafts(configuration: Configuration, able: Capabilities) -> Iterator[ConfigurationFault]:
    if configuration.posting_mode is PostingMode.DRAFT and not able.drafts:
        text = "This accounting system keeps no drafts; entries can only be booked as final."
        yield ConfigurationFault("posting_mode", text, problem(Failure.DRAFTS_NOT_SUPPORTED))


def _dimensions(configuration: Configuration, able: Capabilities) -> Iterator[ConfigurationFault]:
    if configuration.dimensions and not able.dimensions:
        codes = ", ".join(configuration.dimensions)
        text = f"This accounting system takes no dimensions on its entries, so {codes} cannot be selected."
        yield ConfigurationFault("dimensions", text, problem(Failure.DIMENSIONS_NOT_SUPPORTED, codes=codes))
