"""What people see and press, in a real browser, on whole installations. Pictures of every page go to `pictures/`."""
