"""Ledgerbridge: books Pleo export jobs in a company's ERP and keeps master data in step."""
