"""Reads OTLP messages with the library of the OpenTelemetry project, and prints each as JSON.

Usage: otlp.py traces|logs FILE...
"""

import json
import sys

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

KINDS = {"traces": ExportTraceServiceRequest, "logs": ExportLogsServiceRequest}

for path in sys.argv[2:]:
    message = KINDS[sys.argv[1]]()
    with open(path, "rb") as file:
        message.ParseFromString(file.read())
    print(json.dumps(MessageToDict(message)))
