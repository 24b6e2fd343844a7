"""What makes the site of the pages in `docs`: generated pages, diagrams, links, navigation."""
