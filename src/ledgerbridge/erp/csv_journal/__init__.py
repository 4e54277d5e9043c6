"""Accounting that imports its journal from a CSV file, in whatever columns its template names."""
