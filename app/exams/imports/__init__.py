"""Questions brought in from files: CSV, GIFT, Moodle XML."""
