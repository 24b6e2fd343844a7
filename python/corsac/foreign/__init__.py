"""What the options of other CORS libraries mean: one reading for each library."""
