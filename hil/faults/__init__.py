"""The fault menu: every fault of the list, how it is injected, what must be seen, and what was seen."""
