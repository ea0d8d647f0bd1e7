"""Socket.IO: who connects, and what each may say."""
