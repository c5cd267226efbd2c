"""Making and changing events: what organisers do with them before and after they are published."""
