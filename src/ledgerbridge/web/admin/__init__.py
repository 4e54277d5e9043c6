"""The admin API: connections, export jobs and the records, for people with a token."""
