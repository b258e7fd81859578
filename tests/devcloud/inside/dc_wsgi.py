"""One WSGI entry for every service and every release (module:application)."""

import os

SERVICE = os.environ["DEVCLOUD_SERVICE"]

if SERVICE == "keystone":
    from keystone.server import wsgi

    application = wsgi.initialize_public_application()
elif SERVICE == "placement":
    from placement import wsgi

    application = wsgi.init_application()
elif SERVICE == "glance":
    from glance.common import wsgi_app

    application = wsgi_app.init_app()
elif SERVICE == "cinder":
    from cinder.wsgi import wsgi

    application = wsgi.initialize_application()
elif SERVICE == "nova":
    import libpq_messages

    libpq_messages.teach()
    try:
        from nova.wsgi.osapi_compute import application  # 2025.1 and later
    except ImportError:
        from nova.api.openstack.compute.wsgi import init_application

        application = init_application()
elif SERVICE == "neutron":
    from stub_neutron import application  # noqa: F401
