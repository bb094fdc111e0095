"""Renderers: from the text of an SLS file to data."""
