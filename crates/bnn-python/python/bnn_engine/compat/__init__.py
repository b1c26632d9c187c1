"""Names and layouts of other packages, for code that is written for them."""
