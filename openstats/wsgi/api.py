"""The application for uWSGI, gunicorn or mod_wsgi: ``openstats.wsgi.api:application``.

Importing this module reads the configuration, as ``deployment`` describes.
"""

import os

from openstats.wsgi.deployment import load_application

application = load_application(os.environ)
