"""A Pleo to develop and test against: the published endpoints, states, refusals and limits, held in memory.

Nothing here is shared with the service, so that both cannot make the same mistake.
"""
