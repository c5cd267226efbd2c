"""A client light enough for a crowd on one machine: gevent sockets, bytes parsed by hand."""
