"""Calls to addresses that others chose: the links of receipts, the addresses of ERPs.

Such an address may be written, resolved, redirected or changed so that it leads to where only we can go. So a host is
resolved once, every answer is checked (`addresses`), and the connection is made to a checked address and to nothing
else (`network`); what comes back is read within bounds (`bodies`).
"""
