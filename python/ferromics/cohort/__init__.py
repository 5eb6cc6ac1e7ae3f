"""Many cases in one go: what they are, how they run, what comes out as one table."""
