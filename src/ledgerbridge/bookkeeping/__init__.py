"""Pure bookkeeping: from an export item, a configuration and the ERP's chart to a journal entry or to problems.

Nothing here does I/O, knows a database or speaks HTTP. The same input always gives the same answer.
"""
