"""Figures for what the appliance claims: ISO/IEC 30107-3 for liveness, over data sets of presentations."""
