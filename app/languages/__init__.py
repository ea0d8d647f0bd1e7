"""The languages of the student's pages: which there are, which one a student reads."""
