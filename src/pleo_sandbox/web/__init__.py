"""The sandbox's outer face: the faulty edge, Pleo's endpoints, the control API and the bookkeeper's pages."""
