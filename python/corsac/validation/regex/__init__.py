"""What `allow_origin_regex` allows: its syntax, the language of it, and what that reaches."""
