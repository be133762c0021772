"""Credit accounts as their users see them: lists of actions, their errors, a statement."""
