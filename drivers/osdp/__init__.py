"""OSDP (IEC 60839-11-5) readers and outputs, always in a secure channel. Needs the extra `osdp` (libosdp)."""
