"""What checkpoints are tried on."""
