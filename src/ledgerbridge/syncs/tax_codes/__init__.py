"""Purchase taxes to tax codes (Level 3)."""
