"""One Pleo export job from claim to completion, and what operations may ask about it.

The way of an item: spooled → receipts → intent → booked → outcome → reported. Every step is a short transaction of its
own; no transaction is open while Pleo or the ERP is called. A run can be killed anywhere and started again.
"""
