"""The nouns of the schema, one file each."""
