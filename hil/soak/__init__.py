"""Machine and interlock under random schedules in virtual time; any failure shrinks to a file that replays it."""
