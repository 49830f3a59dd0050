"""Parts of the explorer's pages about checkpoints."""
