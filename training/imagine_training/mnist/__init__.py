"""The paper's section 2 on digits, and one dimension where the truth is known: `toy.py` learns."""
