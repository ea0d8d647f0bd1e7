"""Check-in: from the first picture to the moment at which the exam begins to be watched."""
