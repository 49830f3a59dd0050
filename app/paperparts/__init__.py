"""The parts of a paper's page."""
