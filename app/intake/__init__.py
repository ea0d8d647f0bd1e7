"""Taking in what students send: validation, server time, mailboxes."""
