"""Switched near-infrared illumination."""
