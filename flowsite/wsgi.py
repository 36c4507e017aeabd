"""The WSGI application that production's web server runs."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowsite.settings")

from flowsite.startup import refuse_wrong_settings

refuse_wrong_settings()
application = get_wsgi_application()
