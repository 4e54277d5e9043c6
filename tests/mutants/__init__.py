"""Breaks each invariant on purpose, in a copy of the code, and shows that a test notices."""
