#!/usr/bin/env python
"""Django's command line for this project.

python manage.py check --deploy   what the system checks say about the CORS settings
python manage.py runserver        try it out
"""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "notes.settings")
    execute_from_command_line(sys.argv)
