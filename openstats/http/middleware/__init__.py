"""WSGI layers around the application: what they change is the same for every URL."""
