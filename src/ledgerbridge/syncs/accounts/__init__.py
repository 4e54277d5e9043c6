"""The chart of accounts (Level 3)."""
