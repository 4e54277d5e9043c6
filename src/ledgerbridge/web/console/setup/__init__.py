"""Set-up of a connection: a walk of steps that can be left and resumed, and visited again after going live."""
