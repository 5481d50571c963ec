"""Run by Alembic, never imported."""

from migrations.runner import run_environment

run_environment()
