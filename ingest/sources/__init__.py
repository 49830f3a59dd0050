"""The services that describe works and checkpoints, one file each; all return what answers.py defines."""
