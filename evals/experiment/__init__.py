"""Systems that are built, asked and measured, whatever is measured of them."""
