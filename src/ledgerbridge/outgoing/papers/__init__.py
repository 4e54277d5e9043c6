"""Files of strangers in another form: images and PDFs as one PDF, anything as one ZIP (EXP-ATT-06, EXP-ATT-12).

Whoever reads a stranger's file can be attacked by it. So it is read by a process of its own and nowhere else: `order`
is what the service asks, `workshop` starts the process and hears what became of it, and `__main__` is what runs there,
with `bounds` on memory, time and output, with no open file but those it works on, and without a secret. What runs there
imports nothing of ours outside this folder.
"""
