"""A release that is a signed authorisation instead of a door; docs/devices/authorisation.md."""
