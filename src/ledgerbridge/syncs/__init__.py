"""Master data, ERP to Pleo, and vendors both ways: read the ERP fully, read Pleo fully, compare, guard, apply, record.

Nothing is remembered between runs but the pairs of vendors: matching keys rebuild the rest (TAG-010, ACC-015).
"""
