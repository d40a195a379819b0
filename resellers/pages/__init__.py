"""What a reseller's page is made of, for the page itself and for its live frames."""
