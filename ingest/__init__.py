"""Everything that brings facts in: the catalogue, the build, the embedding of texts."""
