"""Everything from nothing, on one machine: a Pleo, a real ERP, the service, a company that connects and exports.

Only a checkout can run it: it starts the two sandboxes, which are no part of the service.
"""
