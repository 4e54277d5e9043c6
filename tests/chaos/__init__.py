"""The chaos suite: real parts that break at random while exports are worked, and a look at the books afterwards.

`python -m tests.chaos --seeds 20`; docs/chaos.md says what is injected and how to replay a seed.
"""
