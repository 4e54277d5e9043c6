"""How big: what companies and items ask of Pleo, of workers and of Postgres, by arithmetic and one simulated day.

`python -m bench.sizing` prints the tables of docs/sizing.md, the same every time; with `--write` it puts them there.
Nothing is measured by that: what the code fixes is read from the code, what a machine can tell comes from
`python -m bench.sizing.measure`, and the rest is assumed and says so (`given`).
"""
