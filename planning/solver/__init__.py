"""The flow simulation as a program of its own: what it is asked, how it is started, checked, accelerated and ended."""
