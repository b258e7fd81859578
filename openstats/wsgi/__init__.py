"""The WSGI application, assembled from routes, authentication and middleware."""
