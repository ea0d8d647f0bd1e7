"""Who may come in: accounts, keys, tokens, doors."""
