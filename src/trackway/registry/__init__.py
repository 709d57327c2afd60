"""The rules of the registry: names, versions, stages, aliases, and who must agree to what."""
