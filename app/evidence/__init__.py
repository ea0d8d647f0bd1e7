"""What a flag keeps: the ring in memory, and clips on disk."""
