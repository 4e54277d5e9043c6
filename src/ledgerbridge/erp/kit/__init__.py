"""The kit for writing an adapter: a skeleton that works as it is made (`ledgerbridge new-adapter NAME`)."""
