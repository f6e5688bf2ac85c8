"""The use cases: browse, extract, embed, reconstruct. They yield records and never choose where these go."""
