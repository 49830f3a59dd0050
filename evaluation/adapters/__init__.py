"""How each family of checkpoints is asked: one module per kind of thing that they do.

Importing this package imports no torch; `evaluation.registry` says which module serves which checkpoint.
"""
