"""Everything about accounting systems, nothing of Pleo or of our database."""
