"""Everything Pleo: how it is called, how its webhooks are verified, what its answers mean.

Knows nothing of an ERP, of a database or of locks. One place makes calls (`transport`), one module stands for each
API. Bodies are read tolerantly, what we send is exactly the contract's shape, and no error carries a secret.
"""
