"""Vendors in step, both ways: the ERP's into Pleo, drafts from Pleo into the ERP (docs/pleo/rules/vendors.md).

Pure: `fields`, `pairing`, `table`. They decide; `effects` and what is above it do.
"""
