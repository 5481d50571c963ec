"""Machine-readable zones to test a reader with: text, printed pages, their pictures. Never in the wheel."""
