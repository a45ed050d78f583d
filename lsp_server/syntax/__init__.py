"""All that knows tree-sitter: languages, scopes, and where a statement ends."""
