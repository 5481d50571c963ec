"""Schemas of the databases the project keeps, one tree of revisions each: `lane` and `console`.

Not responsible for what the rows mean; that is with the package that owns the database.
"""
