"""What it costs: implementations timed side by side and against the machine's own limits; a wrong one is not ranked."""
