"""Checkpoints at work: how a linked checkpoint is loaded."""
