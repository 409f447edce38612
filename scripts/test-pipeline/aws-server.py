"""The AWS CLI, loaded once: loading takes most of a second, and a test runs hundreds of commands. It forks for each."""

import json
import os
import signal
import socket
import sys

# It loads the rest lazily; what follows is what every command needs.
from awscli.clidriver import create_clidriver
import botocore.handlers  # noqa: F401
import botocore.httpsession  # noqa: F401

driver = create_clidriver()
# Where it found its descriptions of services, the most used of which it reads now.
data_path = os.environ["AWS_DATA_PATH"]
loader = driver.session.get_component("data_loader")
loader.list_available_services("service-2")
for service in ["cloudformation", "ecr", "ecs"]:
    loader.load_service_model(service, "service-2")
loader.load_data_with_path("endpoints")

server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)

while True:
    connection, _ = server.accept()
    if os.fork():
        connection.close()
        continue
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    request = json.loads(message)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"], AWS_DATA_PATH=data_path)
    # Version 1 does not read this variable for RDS and SQS.
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    options = ["--endpoint-url", endpoint] if endpoint else []
    status = driver.main([*options, *request["arguments"]])
    sys.stdout.flush()
    sys.stderr.flush()
    connection.send(bytes([status & 255]))
    os._exit(0)
