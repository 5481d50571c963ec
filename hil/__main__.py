"""`python -m hil tour | demo`: the simulated lane without a person, or with one."""

from hil.cli import app

app(prog_name="python -m hil")
