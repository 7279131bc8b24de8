"""An OTLP/HTTP receiver: what senders export becomes records, at once or refused.

It is the standard library's HTTP server, and not uvicorn: of what senders do, only
chunked bodies and deadlines had to be added, while bounded decompression, a budget over
all requests, addresses that are checked and a refusal that arrives would have had to be
written around any server. So the receiver needs no package that the records do not.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
