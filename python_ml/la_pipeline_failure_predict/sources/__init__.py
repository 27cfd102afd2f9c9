"""What can be loaded, how each kind of file is read, and how a city's columns become ours."""
