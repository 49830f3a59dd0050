"""What the knowledge graph tells when it is computed: ranks, communities, paths, unification, places."""
