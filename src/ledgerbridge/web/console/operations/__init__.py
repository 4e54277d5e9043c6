"""`/admin`, second half: what came in, what waits, how it goes, and who did what."""
