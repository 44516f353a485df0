"""Who answers: the catalogue of providers, the routes to them, and the demo provider."""
