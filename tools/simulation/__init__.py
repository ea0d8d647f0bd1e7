"""The load generator: many students over real WebSockets from one cheap process."""
