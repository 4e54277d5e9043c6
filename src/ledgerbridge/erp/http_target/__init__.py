"""An ERP of any language: a partner answers our operations as JSON at addresses of its own (docs/http-target.md).

`HttpAdapter` is the only name others need.
"""

from ledgerbridge.erp.http_target.adapter import HttpAdapter

__all__ = ["HttpAdapter"]
