"""From a manifest of permissively licensed sources to the model that ships."""
