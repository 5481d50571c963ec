"""Enrolled templates for office gates and unattended points: kept encrypted, searched, expired, deleted provably.

Not responsible for admitting anyone: a search names candidates with scores, and the core decides.
"""
