"""Dimensions and their values to tag groups and tags (Level 2)."""
