"""The pages: the student portal and the proctor room."""
