"""What models of `imagine` are made with: the extra `train`.

    method/      conditional IMLE and HyperRIM: networks, objective, algorithm 1
    run/         a training run, from pictures to a folder with a model
    evaluation/  how near, how well agreeing, how different a model's variants are
    mnist/       the paper's section 2, and one dimension where the truth is known

`method` knows none of the others; `run` and `evaluation` stand on it and do not know each other.
Begin at `method/imle.py` (algorithm 1) and `run/loop.py` (a step of it, and the run around it).
"""
