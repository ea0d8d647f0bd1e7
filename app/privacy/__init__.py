"""What is kept about students, why, for how long, and how it goes."""
