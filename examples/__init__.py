"""Examples for those who connect a system of their own."""
