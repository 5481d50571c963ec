"""Sallyport: the controller of one e-gate lane."""
