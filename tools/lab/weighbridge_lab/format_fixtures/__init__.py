"""Small checkpoints of every format and dialect, what they hold, and hostile ones: fixtures/formats."""
