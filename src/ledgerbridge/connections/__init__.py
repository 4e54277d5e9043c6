"""Everything between a customer pressing Connect and an active connection, and its end.

Holds credentials, ERP bindings, configuration versions, subscriptions and statuses. It returns values and raises the
errors of `errors`; it knows nothing of the HTTP of our own face and books nothing.
"""
