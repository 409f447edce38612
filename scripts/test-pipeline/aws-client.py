"""What `aws` is in a test: hands its arguments, variables, folder and streams to aws-server.py, and ends as that says."""

import json
import os
import socket
import sys

_, path, *arguments = sys.argv
request = {"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}
connection = socket.socket(socket.AF_UNIX)
connection.connect(path)
socket.send_fds(connection, [json.dumps(request).encode()], [0, 1, 2])
status = connection.recv(1)
sys.exit(status[0] if status else 1)
