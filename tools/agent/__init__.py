"""The exam-room agent: streams a camera and a microphone without a browser."""
