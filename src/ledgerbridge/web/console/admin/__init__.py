"""The operators' pages: all companies, their exports and syncs, what is in doubt, and a button for each remedy."""
