"""What accounting that takes files has in common: our own book of vouchers, and the files made of them."""
