"""Stock: units by place and status, and what they are worth."""
