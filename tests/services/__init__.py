"""The five services that are asked for works and checkpoints, as local HTTP servers; see README.md."""
