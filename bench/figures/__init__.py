"""One module a figure: `FIGURE` says what it is and what it must reach, `measure()` measures both terms.

A figure runs in a process of its own, on loopback, with PostgreSQL and every server started for it and ended by it.
"""
