"""UHPPOTE UT0311-L0x access controllers over UDP."""
