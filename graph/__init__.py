"""The knowledge graph: schema and library, search, network, export. Imports none of the other rooms."""
