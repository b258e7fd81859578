"""The command door: starts the doors below it. Commands import what they need when they run."""
