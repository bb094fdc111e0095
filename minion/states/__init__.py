"""State modules: what a declaration in an SLS file calls."""
